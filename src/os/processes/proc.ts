import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { trimEnd } from "../../core/text/trim-end.ts";

/**
 * A process as `/proc/<pid>/stat` describes it. `pid` and `startTime` together identify it for good: pids are
 * reused.
 */
export interface ProcessStat {
  readonly pid: number;
  readonly comm: string;
  /** One letter: `R`, `S`, `D`, `T` (stopped), `Z` (zombie), … */
  readonly state: string;
  readonly ppid: number;
  readonly session: number;
  /** Living threads. A zombie with more than one has lost only its main thread and still runs. */
  readonly threads: number;
  /**
   * Ticks (1/100 s) from the machine's start to the fork that made this process; `exec` does not change it.
   */
  readonly startTime: number;
}

/** Lists all visible processes. Empty on systems without `/proc`. */
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

/**
 * Lists the children of all threads of a process, including zombies; `undefined` when the kernel does not
 * list them.
 */
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

/** Returns the pid that was assigned last; 0 when it cannot be read. */
export function readNewestPid(): number {
  try {
    return Number(readFileSync("/proc/loadavg", "latin1").split(" ", 5)[4]);
  } catch {
    return 0;
  }
}

/** Reads the state of a process; `undefined` when it is gone. */
export function readStat(pid: number): ProcessStat | undefined {
  const length = readInto(statBuffer, `/proc/${pid}/stat`);
  if (length <= 0) return undefined;
  const text = statBuffer.toString("utf8", 0, length);
  // The name is in parentheses and may contain any character, including parentheses and blanks.
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

/** Whether a process is dead and waits only to be reaped. No signal reaches it. */
export function isDead(stat: ProcessStat): boolean {
  return (stat.state === "Z" && stat.threads <= 1) || stat.state === "X";
}

/** Whether the process is alive, and not another one with the same pid. */
export function isAlive(process: ProcessStat): boolean {
  const stat = readStat(process.pid);
  return stat !== undefined && stat.startTime === process.startTime && !isDead(stat);
}

/**
 * Reads the environment at the time of `exec`: `NAME=value` entries, each followed by a NUL. `undefined` when
 * it cannot be read.
 */
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

/** Reads the arguments. Empty for a kernel thread, a zombie, and a process that is gone. */
export function readArguments(pid: number): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    return text === "" ? [] : trimEnd(text, "\0").split("\0");
  } catch {
    return [];
  }
}

/** Returns the user id of a process; `undefined` when it is gone. */
export function readUid(pid: number): number | undefined {
  return statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid;
}

// A scan reads thousands of these small files into one buffer.
const statBuffer = Buffer.allocUnsafe(4096);
const environBuffer = Buffer.allocUnsafe(128 * 1024);

/** Returns the number of bytes read, -1 when the file cannot be read. */
function readInto(buffer: Buffer, path: string): number {
  let fd = -1;
  try {
    fd = openSync(path, "r");
    let length = 0;
    // A read returns at most one page of an environment.
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
