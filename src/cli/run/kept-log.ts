import { existsSync, mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AgentError } from "../../core/errors.ts";
import { resolveLinks } from "../../os/state/file.ts";

/** Where the log of a job is kept. */
export interface KeptLog extends Disposable {
  /** `undefined`: the log is removed with the job. */
  readonly path: string | undefined;
}

/**
 * Chooses the file of a job's log: `keep`, or a new one in `TMPDIR` for a log that is not shown as a whole.
 * Throws `USAGE_INVALID` when the file of `keep` exists.
 */
export function openKeptLog(keep: string | undefined, isFolded: boolean): KeptLog {
  if (keep !== undefined) {
    if (!existsSync(keep)) return { path: resolveLinks(keep), [Symbol.dispose]() {} };
    throw new AgentError("USAGE_INVALID", `"--keep" expects a new file: "${keep}" already exists`);
  }
  if (!isFolded) return { path: undefined, [Symbol.dispose]() {} };
  // Only this user can enter the directory.
  const directory = resolveLinks(mkdtempSync(join(tmpdir(), "signalman-run-")));
  return {
    path: join(directory, "log.ndjson"),
    [Symbol.dispose]() {
      try {
        rmdirSync(directory);
      } catch {
        // The job has a log.
      }
    },
  };
}
