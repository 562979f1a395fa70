import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Output } from "signalman";
import { type JobUser, quote, type Session } from "signalman/executor";
import { findModeFault, type WriteFile } from "./inject-file.ts";
import { writePrivateFile } from "./private-file.ts";

export interface SessionWriterOptions {
  readonly session: Session;
  /** The executor's directory, which the session can read. */
  readonly directory: string;
  readonly user: JobUser | undefined;
}

/**
 * Returns a writer that writes by the session's shell: behind a command prefix, such as a sandbox, a path may
 * mean another file than on this host. What the shell's programs print goes to `output`.
 */
export function createSessionWriter(
  { session, directory, user }: SessionWriterOptions,
  output: Output,
): WriteFile {
  const source = join(directory, "file");
  return async (path, mode, content) => {
    const badMode = findModeFault(mode);
    if (badMode) return badMode;
    writePrivateFile(source, content, { user });
    try {
      const code = await session.run(toScript(source, path, mode), output, { silent: true });
      return (
        faults(path, mode)[code] ?? (code === 0 ? undefined : { line: `Failed to write '${path}'`, code: 1 })
      );
    } finally {
      rmSync(source, { force: true });
    }
  };
}

/**
 * The file is open before its mode is set, since the mode may forbid to write. Opening a FIFO would not return.
 */
function toScript(source: string, path: string, mode: string): string {
  const target = quote(path);
  return [
    `(umask 027; command mkdir -p -- ${quote(dirname(path))} || exit 2`,
    `[ ! -e ${target} ] || [ -f ${target} ] || exit 3`,
    `umask 077; command exec 9>| ${target} || exit 3`,
    `command chmod ${mode} -- ${target} || exit 4`,
    `command cat -- ${quote(source)} >&9 || exit 5)`,
  ].join("; ");
}

const faults = (path: string, mode: string): Readonly<Record<number, { line: string; code: number }>> => ({
  2: { line: `Failed to create directory '${dirname(path)}'`, code: 1 },
  3: { line: `Failed to create destination path '${path}'`, code: 1 },
  4: { line: `Failed to set file mode '${mode}' for '${path}'`, code: 1 },
  5: { line: `Failed to write the content of '${path}'`, code: 255 },
});
