import type { Output } from "../../core/contracts/job-log.ts";
import type { Session } from "../session/session.ts";

/** How a command has ended that did not succeed. */
export interface CommandEnd {
  readonly code: number;
  /** What was killed by SIGKILL, as the subject of a sentence. `undefined`: nothing, as far as is known. */
  readonly killed: "a process of this command" | "the job's shell" | undefined;
  /** Whether the job was stopped meanwhile: then no reason is logged. */
  readonly isStopped: () => boolean;
}

/**
 * Finds out why a command failed, when something outside the job ended it (memory, a lost connection). Called
 * after the command; resolves to sentences for the job's log.
 */
export type Explain = (end: CommandEnd) => Promise<readonly string[]> | readonly string[];

/** Exit status of a process that SIGKILL has ended: 128 + 9. */
export const killedCode = 137;

/** The sentence for what the kernel has killed. */
export function toMemorySentence(killed: string): string {
  return `${killed} was killed: out of memory`;
}

/** Runs a command in a living session. After a failure, its output ends with a line for each reason. */
export async function runExplained(options: {
  readonly session: Session;
  readonly run: (output: Output) => Promise<number>;
  readonly explain: Explain;
  readonly output: Output;
  readonly isStopped: () => boolean;
}): Promise<number> {
  const { session, run, explain, output, isStopped } = options;
  let isAtLineStart = true;
  const code = await run((chunk) => {
    if (chunk.length > 0) isAtLineStart = isLineEnd(chunk);
    output(chunk);
  });
  if (isStopped() || (session.alive && code === 0)) return code;
  const reasons = await explain({ code, killed: findKilled(session, code), isStopped });
  if (isStopped() || reasons.length === 0) return code;
  const lines = reasons.map((reason) => `[signalman: ${reason}]\n`).join("");
  output(isAtLineStart ? lines : `\n${lines}`);
  return code;
}

function findKilled(session: Session, code: number): CommandEnd["killed"] {
  if (!session.alive) return session.exitCode === killedCode ? "the job's shell" : undefined;
  return code === killedCode ? "a process of this command" : undefined;
}

function isLineEnd(chunk: Uint8Array | string): boolean {
  return typeof chunk === "string" ? chunk.endsWith("\n") : chunk.at(-1) === 0x0a;
}
