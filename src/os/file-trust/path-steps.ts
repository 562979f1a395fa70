import { lstatSync, readlinkSync, type Stats } from "node:fs";
import { dirname, join } from "node:path";

/** One component of a path, as the kernel meets it: also those of the targets of links. */
export interface PathStep {
  /** The directory in which the entry is looked up; without links. */
  readonly directory: string;
  readonly directoryStats: Stats | undefined;
  readonly entry: string;
  /** `undefined`: the entry does not exist or cannot be seen. */
  readonly stats: Stats | undefined;
  /** The entry is `..`. */
  readonly isParent: boolean;
}

/**
 * Follows an absolute path component by component, and the targets of links in it. Ends at the first entry that does not exist. Returns the
 * last entry with its directory; `undefined` for a path with more links than the kernel follows.
 */
export function* followPath(
  path: string,
): Generator<PathStep, Pick<PathStep, "entry" | "stats"> | undefined> {
  const rest = path.split("/");
  let directory = "/";
  let directoryStats = inspect("/");
  let links = 0;
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    if (name === "" || name === ".") continue;
    const isParent = name === "..";
    const entry = isParent ? dirname(directory) : join(directory, name);
    const stats = inspect(entry);
    yield { directory, directoryStats, entry, stats, isParent };
    if (stats === undefined) return { entry, stats };
    if (stats.isSymbolicLink()) {
      if (++links > maxLinks) return undefined;
      const target = readlinkSync(entry);
      rest.unshift(...target.split("/"));
      if (target.startsWith("/")) directory = "/";
      directoryStats = inspect(directory);
    } else {
      directory = entry;
      directoryStats = stats;
    }
  }
  return { entry: directory, stats: directoryStats };
}

export const stickyBit = 0o1000;

/** As the kernel counts them. */
const maxLinks = 40;

/** What cannot be seen cannot be read either: using the path fails with the reason. */
function inspect(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}
