import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLocalTerminal } from "../../../src/kit/session/local-terminal.ts";
import { createSession } from "../../../src/kit/session/session.ts";

/** A session in an empty home, with the output of its commands. */
export async function openSession(
  options: {
    profile?: string;
    rc?: string;
    login?: boolean;
    startTimeoutMs?: number;
    /** `false`: the session's secret is typed. */
    hasSecretFile?: boolean;
    /** Default: a file in the home. */
    overflow?: string;
  } = {},
) {
  await using cleanup = new AsyncDisposableStack();
  const home = mkdtempSync(join(tmpdir(), "signalman-session-"));
  cleanup.defer(() => rmSync(home, { recursive: true, force: true }));
  if (options.profile !== undefined) writeFileSync(join(home, ".bash_profile"), options.profile);
  if (options.rc !== undefined) writeFileSync(join(home, ".bashrc"), options.rc);
  const command = join(home, "command");
  const put = (text: string) => {
    writeFileSync(command, `${text}\n`);
    return command;
  };
  const env = { PATH: process.env["PATH"] ?? "", HOME: home, TERM: "xterm" };
  const session = await createSession(
    {
      open: (terminal) => openLocalTerminal({ ...terminal, env, cwd: "/" }),
      putCommand: put,
      ...(options.hasSecretFile !== false && { putSecret: put }),
      overflow: options.overflow ?? join(home, "overflow"),
      size: { rows: 0, columns: 0 },
      startTimeoutMs: options.startTimeoutMs ?? 10_000,
      ...(options.login !== undefined && { login: options.login }),
    },
    new AbortController().signal,
  );
  cleanup.use(session);
  const owned = cleanup.move();
  return {
    session,
    home,
    pid: session.terminal.pid,
    async run(text: string): Promise<{ code: number; output: string }> {
      const chunks: Buffer[] = [];
      const code = await session.run(text, (bytes) => chunks.push(Buffer.from(bytes as Uint8Array)));
      return { code, output: Buffer.concat(chunks).toString() };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
