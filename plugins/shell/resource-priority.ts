import { readFileSync } from "node:fs";

/**
 * Returns shell code after which a job runs out of resources before the agent does: the agent, the job's
 * process and its guard then survive and report the failure. Neither setting needs a privilege, and all
 * processes of the job inherit them:
 *
 * - memory: a higher score for the kernel's out-of-memory killer. A service that protects its agent
 *   (`OOMScoreAdjust` below 0) does not protect its jobs.
 * - processes: a lower soft limit (`ulimit -u`) than the agent's. A runtime that cannot start a thread
 *   aborts, including the agent's.
 */
export function lowerResourcePriority(): string[] {
  if (process.platform !== "linux") return [];
  return [
    `{ echo ${toScore(read("oom_score_adj"))} >/proc/self/oom_score_adj; } 2>/dev/null`,
    ...toLimit(read("limits")),
  ];
}

/** Returns a command line that runs shell code, then the command in its place. */
export function runBefore(lines: readonly string[], command: readonly string[]): readonly string[] {
  return lines.length === 0 ? command : ["sh", "-c", [...lines, 'exec "$@"'].join("\n"), "sh", ...command];
}

/** Added to the job process's own out-of-memory score (of 1000). */
const raise = 300;
/** Threads and processes reserved for the agent; a quarter of the limit when that is less. */
const reserve = 64;

function toScore(own: string): number {
  return Math.min(1000, Math.max(0, Number(own)) + raise);
}

/** bash sets the limit with `-u`, dash and ash with `-p`. */
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
