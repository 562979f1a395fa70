import { readdirSync, readFileSync } from "node:fs";

/** The pids of the processes of a job. */
export function findJobProcesses(id: string): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "latin1").endsWith(`\0job-process\0${id}\0`);
      } catch {
        return false;
      }
    });
}

/** Polls until the value exists, for a minute. */
export async function until<T>(condition: () => T | undefined): Promise<T> {
  for (const deadline = performance.now() + 60_000; ; await Bun.sleep(10)) {
    const value = condition();
    if (value !== undefined) return value;
    if (performance.now() > deadline) throw new Error("the condition did not become true within a minute");
  }
}
