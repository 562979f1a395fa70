import { dlopen, type FFIFunction, type Library, type Pointer, ptr } from "bun:ffi";

/** The system calls that Bun does not offer. */
export interface Libc {
  /** Makes orphaned descendants children of this process. `false` when the kernel refuses. */
  setSubReaper(): boolean;
  isSubReaper(): boolean;
  /** Returns `true` when a child of this process is a zombie. Does not reap it. */
  hasZombie(): boolean;
  /** Reaps a zombie. Only for children that Bun did not start: Bun would wait for its own forever. */
  reap(pid: number): boolean;
  /** Returns the ticks (1/100 s) since the machine's boot, the clock of a process's `startTime`. */
  bootTicks(): number;
  /** Returns the resources used by this process, or by all of its reaped children and theirs. */
  resources(of: "self" | "children"): Resources;
  /**
   * Takes an exclusive lock on an open file; the kernel releases it when the holder dies. `false` when
   * another process holds it.
   */
  lock(fd: number): boolean;
  /** Makes descriptor `to` another name of `from` (dup2). */
  duplicate(from: number, to: number): boolean;
  /** Denies other processes of the same user access to memory, environment and descriptors of this process. */
  setUndumpable(): boolean;
  /** Returns `true` when the file has an access control list beyond its mode. Follows links. */
  hasAcl(path: string): boolean;
  /** Unmaps pages of a file that this process has not changed; they are mapped again when they are used. */
  releasePages(address: number, bytes: number): void;
}

/**
 * Resources as the kernel counts them. Bytes are those of storage: reads from the page cache are not counted.
 */
export interface Resources {
  readonly userMs: number;
  readonly systemMs: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  /**
   * Peak memory of the largest process. In a new program it starts at the value of the process that started
   * it.
   */
  readonly maxRssBytes: number;
}

/** Loads the C library. `undefined` when there is no known one (not Linux, no FFI). */
export function loadLibc(): Libc | undefined {
  if (loaded === undefined) loaded = open() ?? null;
  return loaded ?? undefined;
}

let loaded: Libc | null | undefined;

/** Opens functions of the C library. `undefined` when it is not found, or lacks one of them. */
export function openLibc<T extends Record<string, FFIFunction>>(
  functions: T,
): Library<T>["symbols"] | undefined {
  for (const name of ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1", "libc.so"]) {
    try {
      return dlopen(name, functions).symbols;
    } catch {
      // The library has another name on this system.
    }
  }
  return undefined;
}

const PR_SET_DUMPABLE = 4;
const MADV_DONTNEED = 4;
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
  const symbols = process.platform === "linux" ? openLibc(signatures) : undefined;
  return symbols && wrap(symbols);
}

const signatures = {
  prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
  waitid: { args: ["i32", "u32", "ptr", "i32"], returns: "i32" },
  waitpid: { args: ["i32", "ptr", "i32"], returns: "i32" },
  clock_gettime: { args: ["i32", "ptr"], returns: "i32" },
  flock: { args: ["i32", "i32"], returns: "i32" },
  getrusage: { args: ["i32", "ptr"], returns: "i32" },
  dup2: { args: ["i32", "i32"], returns: "i32" },
  madvise: { args: ["u64", "u64", "i32"], returns: "i32" },
  getxattr: { args: ["ptr", "ptr", "ptr", "u64"], returns: "i64" },
} as const;

interface Symbols {
  prctl(option: number, a: number | Pointer, b: number, c: number, d: number): number;
  waitid(kind: number, id: number, info: Pointer, options: number): number;
  waitpid(pid: number, status: Pointer | null, options: number): number;
  clock_gettime(clock: number, time: Pointer): number;
  flock(fd: number, operation: number): number;
  getrusage(who: number, usage: Pointer): number;
  dup2(from: number, to: number): number;
  madvise(address: number, bytes: number, advice: number): number;
  getxattr(path: Buffer, name: Buffer, value: Pointer | null, bytes: number): bigint;
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
        // In blocks of 512 bytes on every file system.
        readBytes: (rest[6] ?? 0) * 512,
        writtenBytes: (rest[7] ?? 0) * 512,
      };
    },
    lock: (fd) => libc.flock(fd, LOCK_EX_NB) === 0,
    duplicate: (from, to) => libc.dup2(from, to) === to,
    setUndumpable: () => libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) === 0,
    // With no buffer the call answers with the size, and -1 when the file has none.
    hasAcl: (path) => libc.getxattr(toText(path), toText(aclName), null, 0) > 0n,
    releasePages: (address, bytes) => void libc.madvise(address, bytes, MADV_DONTNEED),
    hasZombie: () => {
      info.fill(0);
      // The pid is at byte 16 of siginfo_t on 64-bit Linux; 0 means that no child has ended.
      return libc.waitid(P_ALL, 0, ptr(info), WEXITED | WNOHANG | WNOWAIT) === 0 && info[4] !== 0;
    },
    // Never -1: reaping a child that Bun waits for crashes Bun.
    reap: (pid) => pid > 0 && libc.waitpid(pid, null, WNOHANG) === pid,
    bootTicks: () => {
      libc.clock_gettime(CLOCK_BOOTTIME, ptr(time));
      return Number(time[0] ?? 0n) * 100 + Math.floor(Number(time[1] ?? 0n) / 10_000_000);
    },
  };
}

const aclName = "system.posix_acl_access";

function toText(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}
