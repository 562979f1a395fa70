/** The kernel's resource accounting of one container. */
export interface Accounting {
  readonly cpuUserMs: number;
  readonly cpuSystemMs: number;
  /** Includes the page cache, as the memory limit does. */
  readonly peakMemoryBytes: number;
  /** Memory at this moment, without cached files that the kernel can drop at once. */
  readonly memoryBytes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly oomKills: number;
}

export const noUsage: Accounting = {
  cpuUserMs: 0,
  cpuSystemMs: 0,
  peakMemoryBytes: 0,
  memoryBytes: 0,
  readBytes: 0,
  writtenBytes: 0,
  oomKills: 0,
};

/** Parses the files of a cgroup of either version, by name. The figures of a missing file are 0. */
export function parseAccounting(files: ReadonlyMap<string, string>): Accounting {
  const text = (name: string) => files.get(name) ?? "";
  const number = (name: string, key: RegExp) => Number(key.exec(text(name))?.[1] ?? 0);
  const inUse = (name: string) =>
    Math.max(0, number(name, /^(\d+)/) - number("memory.stat", /^inactive_file (\d+)$/m));
  const isVersion1 = files.has("cpuacct.stat");
  if (isVersion1) {
    return {
      cpuUserMs: number("cpuacct.stat", /^user (\d+)$/m) * tickMs,
      cpuSystemMs: number("cpuacct.stat", /^system (\d+)$/m) * tickMs,
      peakMemoryBytes: number("memory.max_usage_in_bytes", /^(\d+)/),
      memoryBytes: inUse("memory.usage_in_bytes"),
      readBytes: sum(text("blkio.throttle.io_service_bytes"), / Read (\d+)$/gm),
      writtenBytes: sum(text("blkio.throttle.io_service_bytes"), / Write (\d+)$/gm),
      oomKills: number("memory.oom_control", /^oom_kill (\d+)$/m),
    };
  }
  return {
    cpuUserMs: number("cpu.stat", /^user_usec (\d+)$/m) / 1000,
    cpuSystemMs: number("cpu.stat", /^system_usec (\d+)$/m) / 1000,
    peakMemoryBytes: number("memory.peak", /^(\d+)/),
    memoryBytes: inUse("memory.current"),
    readBytes: sum(text("io.stat"), / rbytes=(\d+)/g),
    writtenBytes: sum(text("io.stat"), / wbytes=(\d+)/g),
    oomKills: number("memory.events", /^oom_kill (\d+)$/m),
  };
}

/**
 * Merges two readings. Counters never decrease, so a figure that is missing in the later one keeps its value.
 */
export function mergeReadings(before: Accounting, now: Accounting): Accounting {
  const names = Object.keys(noUsage) as (keyof Accounting)[];
  const entries = names.map((name) => [name, Math.max(before[name], now[name])]);
  return { ...(Object.fromEntries(entries) as unknown as Accounting), memoryBytes: now.memoryBytes };
}

export function sumUsage(all: readonly Accounting[]): Accounting {
  const names = Object.keys(noUsage) as (keyof Accounting)[];
  const entries = names.map((name) => [name, all.reduce((total, each) => total + each[name], 0)]);
  return Object.fromEntries(entries) as unknown as Accounting;
}

/** Linux reports clock ticks of 10 ms to user space on every architecture. */
const tickMs = 10;

function sum(text: string, pattern: RegExp): number {
  return Array.from(text.matchAll(pattern), (match) => Number(match[1])).reduce((a, b) => a + b, 0);
}
