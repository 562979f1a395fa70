import { type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { followPath, type PathStep, stickyBit } from "./path-steps.ts";

/** An entry that another user has put into a directory where every user may create one. */
export interface ForeignEntry {
  readonly path: string;
  readonly uid: number;
  readonly isLink: boolean;
}

/**
 * Returns why a path must not be used: `it belongs to user 1000, in a directory that other users may write
 * to`. This is so for the first entry of the path, links and their targets included, that belongs to another
 * user and is in a directory with the sticky bit to which others may write, such as `/tmp`. Entries of root
 * and of the owner of that directory are not foreign. The kernel has the same rule for files and links
 * (`fs.protected_regular`, `fs.protected_symlinks`), but not on every host. `openedUid` is the owner of the
 * file that was opened by this path, without following a last link.
 */
export function findForeignReason(path: string, openedUid?: number): string | undefined {
  const isOther = openedUid !== undefined && isForeign(openedUid, statSync(dirname(path)));
  const foreign = isOther ? { path, uid: openedUid } : findForeignStep(followPath(path).steps);
  if (foreign === undefined) return undefined;
  const what = foreign.path === path ? "it" : `"${foreign.path}"`;
  return `${what} belongs to user ${foreign.uid}, in a directory that other users may write to`;
}

/** Returns the foreign entry of a path that was already followed, if there is one. */
export function findForeignStep(steps: readonly PathStep[]): ForeignEntry | undefined {
  for (const { directoryStats, entry, stats, isParent } of steps) {
    if (isParent || stats === undefined || directoryStats === undefined) continue;
    if (isForeign(stats.uid, directoryStats))
      return { path: entry, uid: stats.uid, isLink: stats.isSymbolicLink() };
  }
  return undefined;
}

/** Whether an entry of this user is foreign in a directory, as {@link findForeignReason} defines it. */
function isForeign(uid: number, { mode, uid: owner }: Pick<Stats, "mode" | "uid">): boolean {
  const isShared = (mode & stickyBit) !== 0 && (mode & 0o022) !== 0;
  return isShared && ![0, process.geteuid?.() ?? 0, owner].includes(uid);
}
