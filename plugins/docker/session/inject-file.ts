import { decodeBase64, type JobFile, type Output } from "signalman";
import { quote, type Session } from "signalman/executor";
import { type PutBytes, type SecretFile, withSecretFile } from "./secret-file.ts";

/**
 * Writes the files of the request as the session's user (protocol sections 6.3, 7). Resolves to the exit code
 * of the first failure. A file of mode 0600 is at no time readable by other users of the container.
 */
export function injectFiles(
  files: readonly JobFile[],
  { session, put, output }: { session: Session; put: PutBytes; output: Output },
): Promise<number> {
  return withSecretFile(put, (secret) =>
    withSecretFile(put, async (command) => {
      for (const file of files) {
        const code = session.alive ? await injectFile(file, { session, secret, command, output }) : 1;
        if (code !== 0) return code;
      }
      return 0;
    }),
  );
}

interface InjectOptions {
  readonly session: Session;
  readonly secret: SecretFile;
  readonly command: SecretFile;
  readonly output: Output;
}

async function injectFile(
  file: JobFile,
  { session, secret, command, output }: InjectOptions,
): Promise<number> {
  output(`Injecting ${file.path} with file mode ${file.mode}\n`);
  const content = decodeBase64(file.content);
  if (content === undefined) return fail(output, "Failed to decode the content of the file.");
  if (!/^[0-7]{1,5}$/.test(file.mode)) return fail(output, `Failed to set file mode to ${file.mode}`);
  const path = toPath(file.path);
  const putCommand = (text: string) => command.write(Buffer.from(`${text}\n`));
  const run = (script: string) => session.run(`( ${script} )`, output, { silent: true, putCommand });
  await secret.write(content);
  const made = await run(`\\mkdir -p -- "$(\\dirname -- ${path})"`);
  if (made !== 0) return fail(output, `Failed to create destination path ${file.path}`, made);
  // Standard input instead of an argument: arguments are visible to every user.
  const moved = await run(`umask 077; \\cp -- /dev/stdin ${path} <${secret.path}`);
  if (moved !== 0)
    return fail(output, `Failed to move to destination path ${secret.path} ${file.path}`, moved);
  const set = await run(`\\chmod -- ${file.mode} ${path}`);
  if (set !== 0) return fail(output, `Failed to set file mode to ${file.mode}`, set);
  return 0;
}

function fail(output: Output, line: string, code = 1): number {
  output(`${line}\n`);
  return code;
}

/**
 * Quotes a path for the shell: `/…` and `~…` are kept, others are relative to the home directory. The shell
 * expands `~` only before an unquoted slash.
 */
function toPath(path: string): string {
  if (path.startsWith("/")) return quote(path);
  const [, user = "", rest = path] = /^~([\w.-]*)(?:\/(.*))?$/s.exec(path) ?? [];
  return rest === "" ? `~${user}` : `~${user}/${quote(rest)}`;
}
