import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  decodeBase64,
  isVariableName,
  quote,
  toExportFile,
  type DecodedVariable,
  type EnvironmentVariable,
  type Output,
} from "signalman";
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
      const variables: DecodedVariable[] = [];
      const latest = new Map(env.map((variable) => [variable.name, variable]));
      for (const { name, value } of [...latest.values()].sort(byName)) {
        if (!isVariableName(name)) {
          output(`Skipping ${name}: this is no name for a shell variable\n`);
          continue;
        }
        const bytes = decodeBase64(value);
        if (bytes === undefined) {
          output(`Failed to decode ${name}\n`);
          return undefined;
        }
        if (bytes.includes(0)) {
          output(`Failed to export ${name}: its value holds a NUL byte\n`);
          return undefined;
        }
        output(`Exporting ${name}\n`);
        variables.push({ name, value: bytes });
      }
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

function byName(a: EnvironmentVariable, b: EnvironmentVariable): number {
  return a.name < b.name ? -1 : 1;
}

function unixNanoseconds(): bigint {
  return BigInt(Date.now()) * 1_000_000n + (process.hrtime.bigint() % 1_000_000n);
}
