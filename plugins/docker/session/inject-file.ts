import { decodeBase64, type JobFile, type Output } from "signalman";
import { quote, type Session } from "signalman/terminal";
import { privateDirectory } from "../containers/spec.ts";

/** Puts bytes where the job's shell can read them. */
export type PutBytes = (path: string, bytes: Uint8Array) => Promise<void>;

const temporary = `${privateDirectory}/file`;

/**
 * Puts one file of the request in its place, as the session's user (protocol sections 6.3, 7). Resolves to the exit code of what failed. Nobody else in the
 * container can read a file of mode 0600 at any moment once it is in its place.
 */
export async function injectFile(
  file: JobFile,
  { session, put, output }: { session: Session; put: PutBytes; output: Output },
): Promise<number> {
  output(`Injecting ${file.path} with file mode ${file.mode}\n`);
  const content = decodeBase64(file.content);
  if (content === undefined) return fail(output, "Failed to decode the content of the file.");
  if (!/^[0-7]{1,5}$/.test(file.mode)) return fail(output, `bad file permission '${file.mode}'`);
  const path = toPath(file.path);
  const run = (script: string) => session.run(`( ${script} )`, output, { silent: true });
  await put(temporary, content);
  try {
    const made = await run(`\\mkdir -p -- "$(\\dirname -- ${path})"`);
    if (made !== 0) return fail(output, `Failed to create destination path ${file.path}`, made);
    const moved = await run(`umask 077; \\cp -- ${temporary} ${path}`);
    if (moved !== 0)
      return fail(output, `Failed to move to destination path ${temporary} ${file.path}`, moved);
    const set = await run(`\\chmod -- ${file.mode} ${path}`);
    if (set !== 0) return fail(output, `Failed to set file mode to ${file.mode}`, set);
    return 0;
  } finally {
    await put(temporary, new Uint8Array());
  }
}

function fail(output: Output, line: string, code = 1): number {
  output(`${line}\n`);
  return code;
}

/** As a shell word: `/…` and `~…` as they are, anything else below the home directory. The shell expands `~` only before a bare slash. */
function toPath(path: string): string {
  if (path.startsWith("/")) return quote(path);
  const [, user = "", rest = path] = /^~([\w.-]*)(?:\/(.*))?$/s.exec(path) ?? [];
  return rest === "" ? `~${user}` : `~${user}/${quote(rest)}`;
}
