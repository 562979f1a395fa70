/** What the kernel has counted for one container. */
export interface Accounting {
  readonly cpuUserMs: number;
  readonly cpuSystemMs: number;
  /** Page cache included, as in the limit of memory. */
  readonly peakMemoryBytes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly oomKills: number;
}

export const nothingCounted: Accounting = {
  cpuUserMs: 0,
  cpuSystemMs: 0,
  peakMemoryBytes: 0,
  readBytes: 0,
  writtenBytes: 0,
  oomKills: 0,
};

/** Reads the files of a cgroup of either version: name of a file → its text. A file that is not there counts as nothing. */
export function parseAccounting(files: ReadonlyMap<string, string>): Accounting {
  const text = (name: string) => files.get(name) ?? "";
  const number = (name: string, key: RegExp) => Number(key.exec(text(name))?.[1] ?? 0);
  const isFirst = files.has("cpuacct.stat");
  if (isFirst) {
    return {
      cpuUserMs: number("cpuacct.stat", /^user (\d+)$/m) * tickMs,
      cpuSystemMs: number("cpuacct.stat", /^system (\d+)$/m) * tickMs,
      peakMemoryBytes: number("memory.max_usage_in_bytes", /^(\d+)/),
      readBytes: sum(text("blkio.throttle.io_service_bytes"), / Read (\d+)$/gm),
      writtenBytes: sum(text("blkio.throttle.io_service_bytes"), / Write (\d+)$/gm),
      oomKills: number("memory.oom_control", /^oom_kill (\d+)$/m),
    };
  }
  return {
    cpuUserMs: number("cpu.stat", /^user_usec (\d+)$/m) / 1000,
    cpuSystemMs: number("cpu.stat", /^system_usec (\d+)$/m) / 1000,
    peakMemoryBytes: number("memory.peak", /^(\d+)/),
    readBytes: sum(text("io.stat"), / rbytes=(\d+)/g),
    writtenBytes: sum(text("io.stat"), / wbytes=(\d+)/g),
    oomKills: number("memory.events", /^oom_kill (\d+)$/m),
  };
}

/** Counters never fall: what a later look does not know stays as it was. */
export function toLater(before: Accounting, now: Accounting): Accounting {
  const names = Object.keys(nothingCounted) as (keyof Accounting)[];
  const entries = names.map((name) => [name, Math.max(before[name], now[name])]);
  return Object.fromEntries(entries) as unknown as Accounting;
}

export function addAll(all: readonly Accounting[]): Accounting {
  const names = Object.keys(nothingCounted) as (keyof Accounting)[];
  const entries = names.map((name) => [name, all.reduce((total, each) => total + each[name], 0)]);
  return Object.fromEntries(entries) as unknown as Accounting;
}

/** Linux counts in hundredths of a second, whatever its clock is. */
const tickMs = 10;

function sum(text: string, pattern: RegExp): number {
  return Array.from(text.matchAll(pattern), (match) => Number(match[1])).reduce((a, b) => a + b, 0);
}
