import { lstatSync, renameSync, rmSync } from "node:fs";
import { loadLibc } from "../processes/libc.ts";

/** How large a log file may get (0: as large as it likes), and how many of the files before it are kept: `<path>.1` is the latest. */
export interface LogRotation {
  readonly maxBytes: number;
  readonly count: number;
}

/**
 * Moves a full log file to `<path>.1`, what was there to `<path>.2`, and so on; the last one goes. Of several writers one does it: who has the lock of
 * the open file `fd`, which its closing frees, and finds that the path still is its own. The others go on writing meanwhile: what they write is in the
 * file under its new name. Renames follow no links. Where there are no locks nothing is moved.
 */
export function rotate(path: string, options: { fd: number; count: number; isOurs: () => boolean }): void {
  const { fd, count, isOurs } = options;
  if (!loadLibc()?.lock(fd) || !isOurs()) return;
  if (count === 0) return rmSync(path);
  // Up to the first gap: what stands behind it stays.
  let free = 1;
  while (free < count && isThere(`${path}.${free}`)) free++;
  for (let n = free; n > 1; n--) renameSync(`${path}.${n - 1}`, `${path}.${n}`);
  // The last, for then others may begin.
  renameSync(path, `${path}.1`);
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
