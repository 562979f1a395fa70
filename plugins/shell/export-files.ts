import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Logger, toMessage } from "signalman";
import { asUser, type JobUser } from "signalman/executor";
import { writePrivateFile } from "./private-file.ts";

export interface ExportFiles extends Disposable {
  /** Writes an export file and returns its path. */
  write(file: Uint8Array): string;
}

/**
 * The files that pass variables to the shell: `<tmpdir>/.env-<nanoseconds>`, where users who debug on the
 * host expect them (protocol section 6.2). Only the job's user can read them, whose own temporary directory
 * is `/tmp`. Disposal removes them. An empty file of the same name in the executor's `directory` lets
 * `removeExportFiles` find them when the job's process is dead.
 *
 * `isPrefixed`: they are in `directory`, since a sandbox may have a temporary directory of its own.
 */
export function createExportFiles(
  directory: string,
  { user, isPrefixed }: { readonly user: JobUser | undefined; readonly isPrefixed: boolean },
): ExportFiles {
  const paths: string[] = [];
  return {
    write(file) {
      const name = `.env-${unixNanoseconds()}`;
      if (isPrefixed) {
        const own = join(directory, name);
        writePrivateFile(own, file, { isNew: true, user });
        return own;
      }
      const path = join(user ? "/tmp" : tmpdir(), name);
      writeFileSync(join(directory, name), "", { mode: 0o600 });
      paths.push(path);
      asUser(user, () => writePrivateFile(path, file, { isNew: true }));
      return path;
    },
    [Symbol.dispose]() {
      for (const path of paths.splice(0)) {
        try {
          asUser(user, () => rmSync(path, { force: true }));
        } catch {
          // The disk may have become read-only.
        }
      }
    },
  };
}

/**
 * Removes the files of a job whose process is dead. `directory`: its executor's. What the job has put in
 * their place may remain.
 */
export function removeExportFiles(directory: string, logger: Logger): void {
  const names = readdirSync(directory).filter((name) => /^\.env-\d+$/.test(name));
  const paths = names.flatMap((name) => [tmpdir(), "/tmp"].map((place) => join(place, name)));
  for (const path of new Set(paths)) {
    try {
      rmSync(path, { force: true });
    } catch (error) {
      logger.warn(`file "${path}" of a job cannot be removed: ${toMessage(error)}`);
    }
  }
}

function unixNanoseconds(): bigint {
  return BigInt(Date.now()) * 1_000_000n + (process.hrtime.bigint() % 1_000_000n);
}
