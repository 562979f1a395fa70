import type { JobUsage } from "signalman";
import { capture } from "./client/capture.ts";
import type { Client } from "./client/client.ts";
import script from "./session/usage.sh" with { type: "text" };

/** What the job's container has used, by its control group. Answers with the last figures when the pod cannot be asked. */
export interface UsageReader {
  read(): Promise<JobUsage>;
  readonly last: JobUsage;
}

export function createUsageReader(client: Client, place: { pod: string; container: string }): UsageReader {
  let last: JobUsage = {};
  return {
    async read() {
      const command = ["bash", "-c", script];
      const signal = AbortSignal.timeout(1500);
      const { stdout } = await capture(client, { ...place, command, signal }).catch(() => ({ stdout: "" }));
      last = { ...last, ...parseUsage(stdout) };
      return last;
    },
    get last() {
      return last;
    },
  };
}

/** Reads the lines of usage.sh. */
export function parseUsage(text: string): JobUsage {
  const figures = new Map(
    text.split("\n").flatMap((line) => {
      const [name = "", value = ""] = line.split(" ");
      return /^\d+$/.test(value) ? [[name, Number(value)] as const] : [];
    }),
  );
  const scaled = (name: string, divisor: number) => {
    const value = figures.get(name);
    return value === undefined ? undefined : value / divisor;
  };
  const usage = {
    cpuUserMs: scaled("cpu.user_usec", 1e3) ?? scaled("cpu.user_ns", 1e6),
    cpuSystemMs: scaled("cpu.system_usec", 1e3) ?? scaled("cpu.system_ns", 1e6),
    peakMemoryBytes: figures.get("memory.peak"),
    oomKills: figures.get("memory.events.oom_kill"),
  };
  return Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== undefined));
}
