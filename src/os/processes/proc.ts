import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";

/** What `/proc/<pid>/stat` says of a process. `pid` and `startTime` together name a process for good: pids are used again. */
export interface ProcessStat {
  readonly pid: number;
  readonly comm: string;
  /** One letter: `R`, `S`, `D`, `T` (stopped), `Z` (zombie), … */
  readonly state: string;
  readonly ppid: number;
  readonly session: number;
  /** Living threads. A zombie with more than one has only lost its main thread: it still runs. */
  readonly threads: number;
  /** Ticks (1/100 s) from the machine's start to the fork that made this process; `exec` does not change it. */
  readonly startTime: number;
}

/** Every process that we can see. Empty on systems without `/proc`. */
export function listPids(): number[] {
  try {
    const pids: number[] = [];
    for (const name of readdirSync("/proc")) {
      const first = name.charCodeAt(0);
      if (first >= 48 && first <= 57) pids.push(Number(name));
    }
    return pids;
  } catch {
    return [];
  }
}

/** Children of all threads of a process, the dead among them; `undefined` where the kernel does not list them. */
export function readChildren(pid: number): number[] | undefined {
  if (!existsSync(`/proc/self/task/${process.pid}/children`)) return undefined;
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, "latin1").split(" ").filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}

/** The pid that was given out last; 0 when it cannot be read. */
export function readNewestPid(): number {
  try {
    return Number(readFileSync("/proc/loadavg", "latin1").split(" ", 5)[4]);
  } catch {
    return 0;
  }
}

/** `undefined` when the process is gone. */
export function readStat(pid: number): ProcessStat | undefined {
  const length = readInto(statBuffer, `/proc/${pid}/stat`);
  if (length <= 0) return undefined;
  const text = statBuffer.toString("utf8", 0, length);
  // The name stands in parentheses and may hold anything, parentheses and blanks included.
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open < 0 || close < 0) return undefined;
  const fields = text.slice(close + 2).split(" ", 20);
  return {
    pid,
    comm: text.slice(open + 1, close),
    state: fields[0] ?? "",
    ppid: Number(fields[1]),
    session: Number(fields[3]),
    threads: Number(fields[17]),
    startTime: Number(fields[19]),
  };
}

/** Dead, and only its parent has not yet asked how it ended. No signal reaches it. */
export function isDead(stat: ProcessStat): boolean {
  return (stat.state === "Z" && stat.threads <= 1) || stat.state === "X";
}

/** Still this process, and not a new one under the same pid. */
export function isAlive(process: ProcessStat): boolean {
  const stat = readStat(process.pid);
  return stat !== undefined && stat.startTime === process.startTime && !isDead(stat);
}

/** `NAME=value` entries, each closed by a NUL, as they were at `exec`. `undefined` when gone or not ours to read. */
export function readEnviron(pid: number): Buffer | undefined {
  const path = `/proc/${pid}/environ`;
  const length = readInto(environBuffer, path);
  if (length < 0) return undefined;
  if (length < environBuffer.length) return environBuffer.subarray(0, length);
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/** The arguments. Empty for a kernel thread, a zombie, and what is gone. */
export function readArguments(pid: number): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    return text === "" ? [] : text.replace(/\0+$/, "").split("\0");
  } catch {
    return [];
  }
}

/** The user that the process runs as; `undefined` when it is gone. */
export function readUid(pid: number): number | undefined {
  return statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid;
}

// Scans read thousands of these small files: one buffer for all of them.
const statBuffer = Buffer.allocUnsafe(4096);
const environBuffer = Buffer.allocUnsafe(128 * 1024);

/** How many bytes were read, -1 when the file cannot be read. */
function readInto(buffer: Buffer, path: string): number {
  let fd = -1;
  try {
    fd = openSync(path, "r");
    let length = 0;
    // One read gives one page at most of an environment.
    for (let count = -1; count !== 0 && length < buffer.length; length += count) {
      count = readSync(fd, buffer, length, buffer.length - length, null);
    }
    return length;
  } catch {
    return -1;
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}
