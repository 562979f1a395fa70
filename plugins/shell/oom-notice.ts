import type { Output } from "signalman";
import type { Session, UsageWatch } from "signalman/terminal";

/** Runs a command in the session. When the kernel's out-of-memory killer ended the command or the shell, its output ends with a notice. */
export async function runWithOomNotice(options: {
  session: Session;
  watch: UsageWatch;
  output: Output;
  run: (output: Output) => Promise<number>;
  /** Whether the agent itself is stopping the job. */
  isStopped: () => boolean;
}): Promise<number> {
  const { session, watch, output, isStopped } = options;
  if (!session.alive) return options.run(output);
  const diedOfMemory = watch.beginCommand();
  let atLineStart = true;
  const code = await options.run((chunk) => {
    if (chunk.length > 0) atLineStart = isLineEnd(chunk);
    output(chunk);
  });
  const isShell = session.exitCode === killed;
  if ((code !== killed && !isShell) || isStopped() || !diedOfMemory()) return code;
  const what = isShell ? "the job's shell" : "a process of this command";
  output(`${atLineStart ? "" : "\n"}[signalman: ${what} was killed: out of memory]\n`);
  return code;
}

/** 128 + SIGKILL. */
const killed = 137;

function isLineEnd(chunk: Uint8Array | string): boolean {
  return typeof chunk === "string" ? chunk.endsWith("\n") : chunk.at(-1) === 0x0a;
}
