import type { Stats } from "node:fs";
import { toMode, followPath, stickyBit } from "./path-steps.ts";
import type { TrustedUsers } from "./trusted-users.ts";

/** A user or group that may change what a path contains. */
export interface Writer {
  /** The file, directory or link that can be changed. */
  readonly path: string;
  /** Why it can be changed, with owner and mode. */
  readonly reason: string;
  /** The command that corrects it. */
  readonly remedy: string;
}

export type WriterSearch = (path: string) => Writer | undefined;

/**
 * Creates a search for users, other than the trusted ones, who may change what a path contains: they own or
 * may write the file or one of the directories up to the root, of the path itself and of every link in it. In
 * a directory with the sticky bit only the owner of an entry may replace it. What is on a read-only mount
 * cannot be written. A path that does not exist counts as writable where others may create it.
 */
export function createWriterSearch(
  trusted: TrustedUsers,
  isReadOnly: (path: string) => boolean,
): WriterSearch {
  const safe = new Set<string>();
  const examine = (path: string, stats: Stats): Writer | undefined => {
    if (safe.has(path) || isReadOnly(path)) return undefined;
    const writer = findDirectWriter(path, stats, trusted);
    if (writer === undefined) safe.add(path);
    return writer;
  };
  return (given) => {
    const { steps, path, stats: last } = followPath(given);
    for (const { directory, directoryStats, entry, stats, isParent } of steps) {
      const writer = directoryStats && examine(directory, directoryStats);
      if (writer !== undefined) return writer;
      // In a sticky directory, as /tmp, every user may create an entry, and its owner may replace it.
      const isShared =
        !isParent &&
        directoryStats !== undefined &&
        isWritable(directoryStats, trusted) &&
        !isReadOnly(directory);
      if (stats === undefined) return isShared ? toCreator(entry, directory, directoryStats) : undefined;
      if (isShared && !trusted.uids.has(stats.uid)) return toOwner(entry, stats);
    }
    return last && examine(path, last);
  };
}

function findDirectWriter(path: string, stats: Stats, trusted: TrustedUsers): Writer | undefined {
  if (!trusted.uids.has(stats.uid)) return toOwner(path, stats);
  const isSticky = stats.isDirectory() && (stats.mode & stickyBit) !== 0;
  if (isSticky || !isWritable(stats, trusted)) return undefined;
  const users = (stats.mode & 0o002) === 0 ? `group ${stats.gid}` : "every user";
  const reason = `${users} may write to "${path}" (owner ${stats.uid}, mode ${toMode(stats.mode)})`;
  return { path, reason, remedy: `chmod go-w ${quote(path)}` };
}

function isWritable({ mode, gid }: Stats, { gids }: TrustedUsers): boolean {
  return (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && !gids.has(gid));
}

function toOwner(path: string, { uid, mode }: Stats): Writer {
  const reason = `"${path}" belongs to user ${uid} (mode ${toMode(mode)})`;
  return { path, reason, remedy: `chown root ${quote(path)}` };
}

function toCreator(path: string, directory: string, { uid, mode }: Stats): Writer {
  const reason = `"${path}" does not exist, and other users may create it in "${directory}" (owner ${uid}, mode ${toMode(mode)})`;
  return { path, reason, remedy: "create it as root in a directory that only root may write to" };
}

function quote(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
