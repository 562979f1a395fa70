import { readFileSync } from "node:fs";

/** So much more than its job's process a job's shell, and all that it starts, is worth to the kernel when memory runs out (of 1000). */
const raise = 300;

/**
 * The command with a raised score for the kernel's out-of-memory killer: what a job started dies before the job's process, its guard and the agent, which then
 * tell how it went. A service that protects its agent (`OOMScoreAdjust` below 0) does not protect its jobs. No privilege is needed to raise it.
 */
export function asFirstVictim(command: readonly string[]): readonly string[] {
  const score = Math.min(1000, Math.max(0, readScore()) + raise);
  const script = `{ echo ${score} >/proc/self/oom_score_adj; } 2>/dev/null; exec "$@"`;
  return process.platform === "linux" ? ["sh", "-c", script, "sh", ...command] : command;
}

function readScore(): number {
  try {
    return Number(readFileSync("/proc/self/oom_score_adj", "utf8"));
  } catch {
    return 0;
  }
}
