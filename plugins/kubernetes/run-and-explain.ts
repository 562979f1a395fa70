import type { Output } from "signalman";
import type { Session } from "signalman/terminal";
import type { PodSession } from "./open-session.ts";
import type { UsageReader } from "./usage.ts";

/** Runs a command in the session. When it, or the whole pod, was ended from outside, its output ends with the reason. */
export async function runAndExplain(options: {
  readonly open: PodSession;
  readonly usage: UsageReader;
  readonly directive: string;
  readonly output: Output;
  /** Whether the job is stopped on purpose. */
  readonly isStopped: () => boolean;
}): Promise<number> {
  const { open, usage, directive, output, isStopped } = options;
  const { session } = open;
  const wasAlive = session.alive;
  let isLineStart = true;
  const code = await runOrDie(session, directive, (chunk) => {
    if (chunk.length > 0)
      isLineStart = typeof chunk === "string" ? chunk.endsWith("\n") : chunk.at(-1) === 0x0a;
    output(chunk);
  });
  if (!wasAlive || isStopped()) return code;
  const why = await explain();
  if (why !== undefined) output(`${isLineStart ? "" : "\n"}[signalman: ${why}]\n`);
  return code;

  async function explain(): Promise<string | undefined> {
    const isShell = session.exitCode === killed;
    if (!session.alive && !isShell) return open.endReason;
    if (code !== killed && !isShell) return undefined;
    if (!(await usage.findKill())) return undefined;
    return `${isShell ? "the job's shell" : "a process of this command"} was killed: out of memory`;
  }
}

/** Runs a command in the session. One whose text could not be brought there, because the session has ended, is 1 as well. */
export async function runOrDie(
  session: Session,
  directive: string,
  output: Output,
  options?: { readonly silent?: boolean },
): Promise<number> {
  try {
    return await session.run(directive, output, options);
  } catch (error) {
    if (session.alive || error === session.failure) throw error;
    return 1;
  }
}

/** 128 + SIGKILL. */
const killed = 137;
