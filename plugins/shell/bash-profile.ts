import { closeSync, constants, existsSync, fstatSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type Output, toMessage } from "signalman";
import { asUser, type JobUser } from "signalman/executor";

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
          appendLine(path, `${opening}[ ! -f ${file} ] || source ${file}\n`);
        });
        return 0;
      } catch (error) {
        output(`Failed to append to '${path}': ${toMessage(error)}\n`);
        return 1;
      }
    },
  };
}

/** Waits neither for the reader of a FIFO nor for the end of a lease. */
function appendLine(path: string, line: string): void {
  const { O_WRONLY, O_CREAT, O_APPEND, O_NONBLOCK, O_NOCTTY } = constants;
  const fd = openSync(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY, 0o666);
  try {
    if (!fstatSync(fd).isFile()) throw new Error("it is not a regular file");
    writeSync(fd, line);
  } finally {
    closeSync(fd);
  }
}

/** bash reads these files only where `.bash_profile` does not exist, so a new one must read them. */
const shadowed =
  "if [ -r ~/.bash_login ]; then . ~/.bash_login; elif [ -r ~/.profile ]; then . ~/.profile; fi\n";
