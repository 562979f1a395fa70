import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Output, toMessage } from "signalman";
import { asUser, type JobUser } from "signalman/terminal";

/**
 * The login profile of the jobs' user, to which hosted mode adds each job's variables (protocol section 6.2).
 */
export interface BashProfile {
  /**
   * Appends `source <file>`, so that later login shells on this host (SSH sessions) have the variables.
   * Returns the exit code.
   */
  source(file: string, output: Output): number;
}

/** Creates the profile below `home`. Unless it is enabled, nothing is written. */
export function createBashProfile(home: string, isEnabled = false, user?: JobUser): BashProfile {
  const path = join(home, ".bash_profile");
  return {
    source(file, output) {
      if (!isEnabled) return 0;
      try {
        asUser(user, () => {
          const opening = existsSync(path) ? "" : shadowed;
          // The file is removed with the job.
          writeFileSync(path, `${opening}[ ! -f ${file} ] || source ${file}\n`, { flag: "a" });
        });
        return 0;
      } catch (error) {
        output(`Failed to append to '${path}': ${toMessage(error)}\n`);
        return 1;
      }
    },
  };
}

/** bash reads these files only where `.bash_profile` does not exist, so a new one must read them. */
const shadowed =
  "if [ -r ~/.bash_login ]; then . ~/.bash_login; elif [ -r ~/.profile ]; then . ~/.profile; fi\n";
