import type { Stats } from "node:fs";
import { followPath, type PathStep, stickyBit } from "./path-steps.ts";

/** An entry that another user has put where every user may create one. */
export interface ForeignEntry {
  readonly path: string;
  readonly uid: number;
  readonly isLink: boolean;
}

/**
 * Finds the first entry of a path, links and their targets included, that belongs to another user and is in a directory with the sticky bit
 * to which others may write, such as `/tmp`. Entries of root and of the owner of that directory are not foreign. The kernel has the same
 * rule for files and links (`fs.protected_regular`, `fs.protected_symlinks`), but not on every host.
 */
export function findForeignEntry(path: string): ForeignEntry | undefined {
  return findForeignStep(followPath(path).steps);
}

/** As {@link findForeignEntry}, for a path that was followed before. */
export function findForeignStep(steps: readonly PathStep[]): ForeignEntry | undefined {
  for (const { directoryStats, entry, stats, isParent } of steps) {
    if (isParent || stats === undefined || directoryStats === undefined) continue;
    if (isForeign(stats.uid, directoryStats))
      return { path: entry, uid: stats.uid, isLink: stats.isSymbolicLink() };
  }
  return undefined;
}

/** Whether an entry of this user is foreign in a directory, as {@link findForeignEntry} defines it. */
export function isForeign(uid: number, { mode, uid: owner }: Pick<Stats, "mode" | "uid">): boolean {
  const isShared = (mode & stickyBit) !== 0 && (mode & 0o022) !== 0;
  return isShared && ![0, process.geteuid?.() ?? 0, owner].includes(uid);
}
