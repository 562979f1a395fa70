import { dlopen, type Pointer, ptr } from "bun:ffi";

/** The few system calls that Bun does not offer. */
export interface Libc {
  /** From now on, orphaned descendants become our children. `false` when the kernel refuses. */
  setSubReaper(): boolean;
  isSubReaper(): boolean;
  /** `true` when any child of ours is a zombie. Takes nothing from whoever waits for it. */
  hasZombie(): boolean;
  /** Takes a zombie away. Only for children that Bun did not start: it would wait for its own for ever. */
  reap(pid: number): boolean;
  /** Ticks (1/100 s) since the machine's start: the clock of a process's `startTime`. */
  bootTicks(): number;
  /** What this process, or all of its children that somebody waited for, with those that they waited for, have used so far. */
  resources(of: "self" | "children"): Resources;
  /** Takes an exclusive lock on an open file, which the kernel frees when its holder dies. `false`: another holds it. */
  lock(fd: number): boolean;
  /** Other processes of our user can no longer read our memory, environment and descriptors. */
  setUndumpable(): boolean;
}

/** What the kernel counts. Bytes are those of storage: what was in the page cache already is not read, what is written once is counted once. */
export interface Resources {
  readonly userMs: number;
  readonly systemMs: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  /** Of the largest process. A program's own begins at what the process that started it had. */
  readonly maxRssBytes: number;
}

/** The C library of this system, `undefined` where there is none that we know (not Linux, no FFI). */
export function loadLibc(): Libc | undefined {
  if (loaded === undefined) loaded = open() ?? null;
  return loaded ?? undefined;
}

let loaded: Libc | null | undefined;

const names = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1", "libc.so"];

const PR_SET_DUMPABLE = 4;
const LOCK_EX_NB = 2 | 4;
const PR_SET_CHILD_SUBREAPER = 36;
const PR_GET_CHILD_SUBREAPER = 37;
const RUSAGE_SELF = 0;
const RUSAGE_CHILDREN = -1;
const P_ALL = 0;
const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x0100_0000;
const CLOCK_BOOTTIME = 7;

function open(): Libc | undefined {
  if (process.platform !== "linux") return undefined;
  for (const name of names) {
    try {
      return wrap(dlopen(name, signatures).symbols);
    } catch {
      // The next name, then: what is missing here is another system's.
    }
  }
  return undefined;
}

const signatures = {
  prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
  waitid: { args: ["i32", "u32", "ptr", "i32"], returns: "i32" },
  waitpid: { args: ["i32", "ptr", "i32"], returns: "i32" },
  clock_gettime: { args: ["i32", "ptr"], returns: "i32" },
  flock: { args: ["i32", "i32"], returns: "i32" },
  getrusage: { args: ["i32", "ptr"], returns: "i32" },
} as const;

interface Symbols {
  prctl(option: number, a: number | Pointer, b: number, c: number, d: number): number;
  waitid(kind: number, id: number, info: Pointer, options: number): number;
  waitpid(pid: number, status: Pointer | null, options: number): number;
  clock_gettime(clock: number, time: Pointer): number;
  flock(fd: number, operation: number): number;
  getrusage(who: number, usage: Pointer): number;
}

function wrap(libc: Symbols): Libc {
  const flag = new Int32Array(1);
  const info = new Int32Array(32);
  const time = new BigInt64Array(2);
  const usage = new BigInt64Array(18);
  return {
    setSubReaper: () => libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) === 0,
    isSubReaper: () => libc.prctl(PR_GET_CHILD_SUBREAPER, ptr(flag), 0, 0, 0) === 0 && flag[0] === 1,
    resources(of) {
      libc.getrusage(of === "self" ? RUSAGE_SELF : RUSAGE_CHILDREN, ptr(usage));
      const [userS = 0, userUs = 0, systemS = 0, systemUs = 0, maxRssKib = 0, ...rest] = Array.from(
        usage,
        Number,
      );
      return {
        userMs: userS * 1000 + userUs / 1000,
        systemMs: systemS * 1000 + systemUs / 1000,
        maxRssBytes: maxRssKib * 1024,
        // Blocks of 512 bytes, whatever the file system has.
        readBytes: (rest[6] ?? 0) * 512,
        writtenBytes: (rest[7] ?? 0) * 512,
      };
    },
    lock: (fd) => libc.flock(fd, LOCK_EX_NB) === 0,
    setUndumpable: () => libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) === 0,
    hasZombie: () => {
      info.fill(0);
      // The pid stands at byte 16 of siginfo_t on 64-bit Linux; 0 means that no child has ended.
      return libc.waitid(P_ALL, 0, ptr(info), WEXITED | WNOHANG | WNOWAIT) === 0 && info[4] !== 0;
    },
    // Never -1: taking a child that Bun waits for crashes Bun.
    reap: (pid) => pid > 0 && libc.waitpid(pid, null, WNOHANG) === pid,
    bootTicks: () => {
      libc.clock_gettime(CLOCK_BOOTTIME, ptr(time));
      return Number(time[0] ?? 0n) * 100 + Math.floor(Number(time[1] ?? 0n) / 10_000_000);
    },
  };
}
