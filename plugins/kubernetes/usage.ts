import type { JobLimits, JobUsage } from "signalman";
import { capture } from "./client/exec.ts";
import type { Client } from "./client/client.ts";
import script from "./session/usage.sh" with { type: "text" };

/**
 * Reads the resource usage of the job's container from its control group. Returns the last figures when the
 * pod does not answer.
 */
export interface UsageReader {
  read(): Promise<JobUsage>;
  readonly last: JobUsage;
  /**
   * Resolves to whether the kernel's OOM killer has killed a process since the last command was sent to the
   * pod.
   */
  findKill(): Promise<boolean>;
}

/** Short, because the end of the job waits for it. */
const readMs = 1500;
/** Longer, because only the explanation of a failed command waits for it. */
const killMs = 10_000;

export function createUsageReader(
  client: Client,
  { limits, ...place }: { pod: string; container: string; limits: JobLimits },
): UsageReader {
  let last: JobUsage = { limits };

  async function readFigures(timeoutMs: number): Promise<Figures> {
    const command = ["bash", "-c", script];
    const signal = AbortSignal.timeout(timeoutMs);
    const { stdout } = await capture(client, { ...place, command, signal }).catch(() => ({ stdout: "" }));
    const figures = parseFigures(stdout);
    last = { ...last, ...toUsage(figures) };
    return figures;
  }

  return {
    async read() {
      await readFigures(readMs);
      return last;
    },
    async findKill() {
      const figures = await readFigures(killMs);
      return (figures.get("memory.events.oom_kill") ?? 0) > (figures.get("before.oom_kill") ?? 0);
    },
    get last() {
      return last;
    },
  };
}

type Figures = ReadonlyMap<string, number>;

/** Parses the output of usage.sh. */
function parseFigures(text: string): Figures {
  return new Map(
    text.split("\n").flatMap((line) => {
      const [name = "", value = ""] = line.split(" ");
      return /^\d+$/.test(value) ? [[name, Number(value)] as const] : [];
    }),
  );
}

function toUsage(figures: Figures): JobUsage {
  const scaled = (name: string, divisor: number) => {
    const value = figures.get(name);
    return value === undefined ? undefined : value / divisor;
  };
  const usage = {
    cpuUserMs: scaled("cpu.user_usec", 1e3) ?? scaled("cpu.user_ns", 1e6),
    cpuSystemMs: scaled("cpu.system_usec", 1e3) ?? scaled("cpu.system_ns", 1e6),
    peakMemoryBytes: figures.get("memory.peak"),
    memoryBytes: subtract(figures.get("memory.current"), figures.get("memory.inactive_file")),
    oomKills: figures.get("memory.events.oom_kill"),
  };
  return Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== undefined));
}

/** Memory in use: without cached files that the kernel can drop at once. */
function subtract(current: number | undefined, cached = 0): number | undefined {
  return current === undefined ? undefined : Math.max(0, current - cached);
}
