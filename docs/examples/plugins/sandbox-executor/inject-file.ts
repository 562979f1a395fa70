import { dirname, isAbsolute, join } from "node:path";
import { decodeBase64, type JobFile, type Output } from "signalman";
import { quote, type Session } from "signalman/executor";
import type { Workspace } from "./workspace.ts";

/** Writes files of the request and resolves to the exit code of the first one that fails. */
export async function injectFiles(
  { workspace, session }: { readonly workspace: Workspace; readonly session: Session },
  files: readonly JobFile[],
  output: Output,
): Promise<number> {
  for (const file of files) {
    const code = await injectFile(file, workspace, session, output);
    if (code !== 0) return code;
  }
  return 0;
}

/**
 * Writes one file of the request and resolves to the exit code. The shell in the sandbox writes it, because
 * from outside a symbolic link of the job could lead out of the sandbox.
 */
async function injectFile(
  file: JobFile,
  workspace: Workspace,
  session: Session,
  output: Output,
): Promise<number> {
  const path = toPath(file.path, workspace.home);
  output(`Injecting ${path} with file mode ${file.mode}\n`);
  const content = decodeBase64(file.content);
  if (content === undefined) {
    output("Failed to decode the content of the file.\n");
    return 1;
  }
  if (!/^[0-7]{1,5}$/.test(file.mode)) {
    output(`bad file permission '${file.mode}'\n`);
    return 1;
  }
  const source = workspace.put("file", content);
  try {
    // `install` creates the file with mode 0600 and sets its mode when it is complete.
    const install = `command install -T -m ${file.mode} -- ${source} ${quote(path)}`;
    const script = `(umask 027; command mkdir -p -- ${quote(dirname(path))} && ${install})`;
    return (await session.run(script, output, { silent: true })) === 0 ? 0 : 1;
  } finally {
    workspace.remove("file");
  }
}

function toPath(path: string, home: string): string {
  return isAbsolute(path) ? path : join(home, path.replace(/^~(\/|$)/, ""));
}
