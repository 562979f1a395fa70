import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EnvironmentVariable, Output } from "signalman";
import { decodeVariables, quote, toExportFile } from "signalman/terminal";
import { writePrivate } from "./write-private.ts";

export interface ExportFiles extends Disposable {
  /** Writes an export file; resolves to its path as a shell word, or `undefined` when the variables have a fault, which `output` then tells. */
  write(env: readonly EnvironmentVariable[], output: Output): string | undefined;
}

/**
 * The files through which variables reach the shell: `<tmpdir>/.env-<nanoseconds>`, where whoever debugs on the host looks for them (protocol
 * section 6.2), readable by the agent's user only. They are removed on disposal.
 */
export function createExportFiles(): ExportFiles {
  const paths: string[] = [];
  return {
    write(env, output) {
      const variables = decodeVariables(env, output);
      if (variables === undefined) return undefined;
      const path = join(tmpdir(), `.env-${unixNanoseconds()}`);
      paths.push(path);
      writePrivate(path, toExportFile(variables), { isNew: true });
      return quote(path);
    },
    [Symbol.dispose]() {
      for (const path of paths.splice(0)) {
        try {
          rmSync(path, { force: true });
        } catch {
          // A disk that has become read-only.
        }
      }
    },
  };
}

function unixNanoseconds(): bigint {
  return BigInt(Date.now()) * 1_000_000n + (process.hrtime.bigint() % 1_000_000n);
}
