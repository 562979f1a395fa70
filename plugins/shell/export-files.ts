import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EnvironmentVariable, Output } from "signalman";
import { asUser, decodeVariables, type JobUser, quote, toExportFile } from "signalman/terminal";
import { writePrivateFile } from "./private-file.ts";

export interface ExportFiles extends Disposable {
  /** Writes an export file and returns its path as a shell word. Returns `undefined` for invalid variables, after reporting them to `output`. */
  write(env: readonly EnvironmentVariable[], output: Output): string | undefined;
}

/**
 * The files that pass variables to the shell: `<tmpdir>/.env-<nanoseconds>`, where users who debug on the host expect them (protocol
 * section 6.2). Only the job's user can read them, whose own temporary directory is `/tmp`. Disposal removes them.
 */
export function createExportFiles(user?: JobUser): ExportFiles {
  const paths: string[] = [];
  return {
    write(env, output) {
      const variables = decodeVariables(env, output);
      if (variables === undefined) return undefined;
      const path = join(user ? "/tmp" : tmpdir(), `.env-${unixNanoseconds()}`);
      paths.push(path);
      asUser(user, () => writePrivateFile(path, toExportFile(variables), { isNew: true }));
      return quote(path);
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

function unixNanoseconds(): bigint {
  return BigInt(Date.now()) * 1_000_000n + (process.hrtime.bigint() % 1_000_000n);
}
