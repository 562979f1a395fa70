import { readFileSync } from "node:fs";

/**
 * The command with what makes a job give way when the host runs out of something, so that its process, its guard and the agent live to tell how it went. No
 * privilege is needed for either, and all that the job starts inherits them:
 *
 * - memory: a higher score for the kernel's out-of-memory killer. A service that protects its agent (`OOMScoreAdjust` below 0) does not protect its jobs.
 * - processes: a lower soft limit (`ulimit -u`) than the agent's. A program that can start no thread is ended by its runtime, ours too.
 */
export function givingWay(command: readonly string[]): readonly string[] {
  if (process.platform !== "linux") return command;
  const script = [
    `{ echo ${toScore(read("oom_score_adj"))} >/proc/self/oom_score_adj; } 2>/dev/null`,
    ...toLimit(read("limits")),
    'exec "$@"',
  ];
  return ["sh", "-c", script.join("\n"), "sh", ...command];
}

/** So much more than its job's process a job is worth to the kernel (of 1000). */
const raise = 300;
/** Threads and processes that jobs leave to us, when the limit is not smaller still. */
const reserve = 64;

function toScore(own: string): number {
  return Math.min(1000, Math.max(0, Number(own)) + raise);
}

/** The one word is bash's, the other dash's and ash's. */
function toLimit(limits: string): string[] {
  const soft = Number(/^Max processes\s+(\d+)/m.exec(limits)?.[1]);
  if (!(soft > 0)) return [];
  const limit = soft - Math.min(reserve, Math.floor(soft / 4));
  return [`ulimit -S -u ${limit} 2>/dev/null || ulimit -S -p ${limit} 2>/dev/null`];
}

function read(file: string): string {
  try {
    return readFileSync(`/proc/self/${file}`, "utf8");
  } catch {
    return "";
  }
}
