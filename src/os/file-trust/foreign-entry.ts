import { resolve } from "node:path";
import { followPath, stickyBit } from "./path-steps.ts";

/** An entry that another user has put where every user may create one. */
export interface ForeignEntry {
  readonly path: string;
  readonly uid: number;
  readonly kind: "link" | "other";
}

/**
 * Finds the first entry of a path, links and their targets included, that belongs to another user and is in a directory with the sticky bit
 * to which others may write, such as `/tmp`. Entries of root and of the owner of that directory are not foreign. The kernel has the same
 * rule for files and links (`fs.protected_regular`, `fs.protected_symlinks`), but not on every host.
 */
export function findForeignEntry(path: string): ForeignEntry | undefined {
  const trusted = [0, process.geteuid?.() ?? 0];
  for (const { directoryStats: place, entry, stats, isParent } of followPath(resolve(path))) {
    if (isParent || stats === undefined || place === undefined) continue;
    const isShared = (place.mode & stickyBit) !== 0 && (place.mode & 0o022) !== 0;
    if (!isShared || trusted.includes(stats.uid) || stats.uid === place.uid) continue;
    return { path: entry, uid: stats.uid, kind: stats.isSymbolicLink() ? "link" : "other" };
  }
  return undefined;
}
