import * as fs from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { AgentError } from "../../core/errors.ts";

/**
 * How a file is opened: an existing one for reading (`read`) or for both (`update`); a new one for both
 * (`create`); an existing or new one for appending (`append`) or for both (`lock`).
 */
export type FileAccess = "read" | "update" | "create" | "append" | "lock";

/**
 * Opens a regular file below a state directory. Jobs may write there, so that every path is hostile: symbolic
 * links, also among the directories, are refused, as are FIFOs, devices, sockets and directories. None of them
 * is opened even for a moment, and nothing waits. A file with further names (hard links) is refused for
 * writing. Throws the error of the system, or `FILE_FAILED`.
 */
export function openStateFile(path: string, access: FileAccess): number {
  return inDirectory(dirname(path), (at) => openRegularFile(at(basename(path)), access));
}

/** Opens a regular file as {@link openStateFile} does, but through any directories. */
export function openRegularFile(path: string, access: FileAccess, links: LinkRule = "refuse"): number {
  const { O_CREAT, O_EXCL, O_NOFOLLOW } = fs.constants;
  const create = () => fs.openSync(path, flagsOf(access) | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  if (access === "create") return create();
  // Another process may create or remove the file between two calls.
  for (let tries = 0; ; tries += 1) {
    try {
      return openExisting(path, access, links);
    } catch (error) {
      if (!isMissing(error) || access === "read" || access === "update") throw error;
    }
    try {
      return create();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || tries === maxTries) throw error;
    }
  }
}

/** Reads a regular file of at most `maxBytes` as text. */
export function readStateText(path: string, maxBytes: number): string {
  return readWhole(openStateFile(path, "read"), maxBytes).toString("utf8");
}

/** Reads a file of at most `maxBytes` from its start, and closes it. */
export function readWhole(fd: number, maxBytes: number): Buffer {
  try {
    const { size } = fs.fstatSync(fd);
    if (size > maxBytes) throw tooLarge(size, maxBytes);
    // One byte more than expected shows a file that grows while it is read.
    const buffer = Buffer.allocUnsafe(size + 1);
    let filled = 0;
    for (let count = -1; count !== 0 && filled < buffer.length; filled += count)
      count = fs.readSync(fd, buffer, filled, buffer.length - filled, null);
    if (filled > size) throw new AgentError("FILE_FAILED", "another process writes to it");
    return buffer.subarray(0, filled);
  } finally {
    fs.closeSync(fd);
  }
}

export function tooLarge(bytes: number, maxBytes: number): AgentError {
  return new AgentError("FILE_FAILED", `it has ${bytes} bytes, and at most ${maxBytes} are allowed`);
}

/** Describes an entry without following a link; `undefined` when it is missing or its directory cannot be used. */
export function findEntry(path: string): fs.Stats | undefined {
  try {
    return inDirectory(dirname(path), (at) => fs.lstatSync(at(basename(path)), { throwIfNoEntry: false }));
  } catch {
    return undefined;
  }
}

/**
 * Lists a directory below a state directory. One of this user that a job has closed to it is opened again.
 * Throws the error of the system, or `FILE_FAILED`.
 */
export function listDirectory(path: string): fs.Dirent[] {
  return inDirectory(path, (at) => {
    const list = () => fs.readdirSync(at("."), { withFileTypes: true });
    try {
      return list();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EACCES") throw error;
      // Only its owner may do so.
      fs.chmodSync(at("."), 0o700);
      return list();
    }
  });
}

/** Removes a file, or a directory with its contents; links are removed and not followed. */
export function removeEntry(path: string): void {
  removeEntries(dirname(path), [basename(path)]);
}

/** Removes entries of a directory, in this order, as {@link removeEntry} does. */
export function removeEntries(directory: string, names: readonly string[]): void {
  try {
    inDirectory(directory, (at) => {
      for (const name of names) fs.rmSync(at(name), { recursive: true, force: true });
    });
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/**
 * Calls `work` with a function that returns the path of an entry of the directory, valid during the call. The
 * path goes through a descriptor of the directory, so that no component can be replaced meanwhile. Throws
 * `FILE_FAILED` when the directory is reached through a symbolic link.
 */
export function inDirectory<T>(path: string, work: (at: (name: string) => string) => T): T {
  const directory = resolve(path);
  const fd = openDirectory(directory);
  const base = hasDescriptorPaths ? `/proc/self/fd/${fd}` : directory;
  try {
    const actual = hasDescriptorPaths ? fs.readlinkSync(base) : fs.realpathSync(directory);
    if (actual === `${directory} (deleted)`) throw missing(directory);
    if (actual !== directory)
      throw new AgentError(
        "FILE_FAILED",
        `"${directory}" is reached through a symbolic link: it is "${actual}"`,
      );
    return work((name) => join(base, name));
  } catch (error) {
    // The system names the path that it was given.
    if (error instanceof Error && !(error instanceof AgentError))
      error.message = error.message.replaceAll(base, directory);
    throw error;
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * Resolves the symbolic links among the directories of a path that the operator chose, such as that of the
 * state directory. What is missing remains as it is.
 */
export function resolveLinks(path: string): string {
  const absolute = resolve(path);
  try {
    return fs.realpathSync(absolute);
  } catch {
    const parent = dirname(absolute);
    return parent === absolute ? absolute : join(resolveLinks(parent), basename(absolute));
  }
}

/** The kind of an entry, for messages. */
export function toKind(stats: fs.Stats): string {
  if (stats.isFile()) return "a file";
  if (stats.isDirectory()) return "a directory";
  if (stats.isSymbolicLink()) return "a symbolic link";
  if (stats.isFIFO()) return "a FIFO";
  return stats.isSocket() ? "a socket" : "a device";
}

/** An entry that is held without having been opened. */
export interface PinnedEntry extends Disposable {
  readonly stats: fs.Stats;
  /** Leads to this very entry until disposal, whatever replaces it meanwhile. */
  readonly path: string;
}

/** Whether a symbolic link that is the last component of a path is followed. */
export type LinkRule = "refuse" | "follow";

/**
 * Pins an entry: a FIFO, a device or a socket is not touched, and a link is not followed unless `links` says
 * so.
 */
export function pinEntry(path: string, links: LinkRule = "refuse"): PinnedEntry {
  if (!hasDescriptorPaths) {
    const stats = links === "follow" ? fs.statSync(path) : fs.lstatSync(path);
    return { path, stats, [Symbol.dispose]: () => {} };
  }
  const fd = fs.openSync(path, pinFlag | (links === "follow" ? 0 : fs.constants.O_NOFOLLOW));
  return { path: `/proc/self/fd/${fd}`, stats: fs.fstatSync(fd), [Symbol.dispose]: () => fs.closeSync(fd) };
}

export function isMissing(error: unknown): boolean {
  const { code } = Object(error) as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENOTDIR";
}

/** Linux: a path through `/proc/self/fd` refers to an open descriptor, also to one that only pins an inode. */
const hasDescriptorPaths = process.platform === "linux";

/** `O_PATH`, which Node.js does not name; elsewhere an opening that does not wait. */
const pinFlag = hasDescriptorPaths ? 0o10000000 : fs.constants.O_NONBLOCK;

function openDirectory(directory: string): number {
  return fs.openSync(directory, pinFlag | fs.constants.O_DIRECTORY);
}

function openExisting(path: string, access: FileAccess, links: LinkRule): number {
  using pinned = pinEntry(path, links);
  const { stats } = pinned;
  if (!stats.isFile()) throw new AgentError("FILE_FAILED", `it is ${toKind(stats)}, and a file is expected`);
  if (access !== "read" && stats.nlink > 1)
    throw new AgentError("FILE_FAILED", `it is also the file of another name (${stats.nlink} hard links)`);
  try {
    const isPinned = hasDescriptorPaths || links === "follow";
    return fs.openSync(pinned.path, flagsOf(access) | (isPinned ? 0 : fs.constants.O_NOFOLLOW));
  } catch (error) {
    if (error instanceof Error) error.message = error.message.replaceAll(pinned.path, path);
    throw error;
  }
}

const maxTries = 10;

function flagsOf(access: FileAccess): number {
  const { O_RDONLY, O_RDWR, O_WRONLY, O_APPEND, O_NONBLOCK } = fs.constants;
  switch (access) {
    case "read":
      return O_RDONLY | O_NONBLOCK;
    case "append":
      return O_WRONLY | O_APPEND | O_NONBLOCK;
    default:
      return O_RDWR | O_NONBLOCK;
  }
}

function missing(directory: string): Error {
  return Object.assign(new Error(`ENOENT: no such file or directory, open '${directory}'`), {
    code: "ENOENT",
  });
}
