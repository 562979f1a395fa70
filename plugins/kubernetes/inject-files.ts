import { dirname } from "node:path";
import { createTextStart, decodeBase64, type JobFile, type Output } from "signalman";
import { quote } from "signalman/executor";
import type { JobPod } from "./job-pod.ts";

/** The parts of a job's pod that write a file. */
export type FilePod = Pick<JobPod, "session" | "files" | "bring">;

/**
 * Writes the files of the request (protocol sections 6.4, 7). Resolves to the exit code of the first failure.
 */
export async function injectFiles(pod: FilePod, files: readonly JobFile[], output: Output): Promise<number> {
  for (const file of files) {
    const code = await injectFile(pod, file, output);
    if (code !== 0) return code;
  }
  return 0;
}

async function injectFile(
  { session, files, bring }: FilePod,
  file: JobFile,
  output: Output,
): Promise<number> {
  const run = async (command: string) => {
    const start = createTextStart(64 * 1024);
    const code = await session.run(command, start.add, { silent: true });
    return { code, text: start.text };
  };
  const { mode, path } = file;
  output(`Injecting ${path} with file mode ${mode}\n`);
  const content = decodeBase64(file.content);
  if (content === undefined) {
    output("Failed to decode the content of the file.\n");
    return 1;
  }
  if (!/^[0-7]{1,5}$/.test(mode)) {
    output(`bad file permission '${mode}'\n`);
    return 1;
  }
  const fail = ({ code, text }: { code: number; text: string }, what = "") => {
    output(`Error injecting file ${path}: ${what}${text.trimEnd()}\n`);
    return code;
  };
  const target = toTarget(path);
  const directory = toTarget(dirname(path));
  const made = await run(`(umask 027; mkdir -p -- ${directory})`);
  if (made.code !== 0) return fail(made, `failed to created parent directory ${dirname(path)}: `);
  // The mode is set before the first byte is written, so that other users can never read a file of mode 0600.
  const opened = await run(`(umask 077; : >${target})`);
  if (opened.code !== 0) return fail(opened);
  const source = await bring(content);
  const changed = await run(`{ chmod ${quote(mode)} ${target} && cat ${quote(source)} >&9; } 9>${target}`);
  files.drop(source);
  return changed.code === 0 ? 0 : fail(changed, `error setting file mode ${mode}: `);
}

/**
 * Quotes a path of the request for the shell: absolute, or below the home directory of the session's or a
 * named user.
 */
function toTarget(path: string): string {
  if (path.startsWith("/")) return quote(path);
  const [, user, rest] = /^(~[a-z0-9_-]*)(\/[^]*)?$/.exec(path) ?? [];
  if (user === undefined) return `~/${quote(path)}`;
  return rest === undefined ? user : `${user}/${quote(rest.replace(/^\/+/, ""))}`;
}
