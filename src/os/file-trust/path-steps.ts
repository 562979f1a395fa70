import { lstatSync, readlinkSync, type Stats } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";

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

export interface FollowedPath {
  readonly steps: readonly PathStep[];
  /** The path without links. Components after a missing entry are kept unchanged. */
  readonly path: string;
  /** Of {@link path}; `undefined` when it does not exist. */
  readonly stats: Stats | undefined;
}

/**
 * Follows a path component by component, as the kernel does, through the targets of its links. Stops at the
 * first entry that does not exist. Stops also at the link with which the path exceeds the kernel's limit of
 * links.
 */
export function followPath(given: string): FollowedPath {
  const steps: PathStep[] = [];
  const rest = toAbsolute(given).split("/");
  let directory = "/";
  let directoryStats = inspect("/");
  let links = 0;
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    if (name === "" || name === ".") continue;
    const isParent = name === "..";
    const entry = isParent ? dirname(directory) : join(directory, name);
    const stats = inspect(entry);
    steps.push({ directory, directoryStats, entry, stats, isParent });
    const isLink = stats?.isSymbolicLink() === true;
    if (stats === undefined || (isLink && ++links > maxLinks))
      return { steps, path: join(entry, ...rest), stats: undefined };
    if (isLink) {
      const target = readlinkSync(entry);
      rest.unshift(...target.split("/"));
      if (target.startsWith("/")) directory = "/";
      directoryStats = inspect(directory);
    } else {
      directory = entry;
      directoryStats = stats;
    }
  }
  return { steps, path: directory, stats: directoryStats };
}

/**
 * Puts a relative path behind a directory. `..` stays, since the kernel looks it up in the target of a link
 * before it.
 */
export function toAbsolute(path: string, directory = process.cwd()): string {
  return isAbsolute(path) ? path : `${directory}/${path}`;
}

export const stickyBit = 0o1000;

/** Writes the mode of a file as `chmod` takes it: four octal digits. */
export function toMode(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}

/** As the kernel counts them. */
const maxLinks = 40;

/** An entry that cannot be examined counts as missing; opening the path reports the reason. */
function inspect(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}
