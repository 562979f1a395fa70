import { lstatSync, renameSync, rmSync } from "node:fs";
import { loadLibc } from "../processes/libc.ts";

/**
 * The maximum size of a log file (0: unlimited), and the number of previous files that are kept: `<path>.1`
 * is the latest.
 */
export interface LogRotation {
  readonly maxBytes: number;
  readonly count: number;
}

/**
 * Moves a full log file to `<path>.1`, the previous one to `<path>.2`, and so on; the oldest is removed. Of
 * several writers, the one that gets the lock of the open file `fd` (released when it is closed) rotates, if
 * the path still belongs to that file. The others continue to write to the renamed file meanwhile. Renames do
 * not follow links. Without locks nothing is moved.
 */
export function rotate(path: string, options: { fd: number; count: number; isOurs: () => boolean }): void {
  const { fd, count, isOurs } = options;
  if (!loadLibc()?.lock(fd) || !isOurs()) return;
  if (count === 0) return rmSync(path);
  // Up to the first gap; files behind it are not moved.
  let free = 1;
  while (free < count && isTaken(`${path}.${free}`)) free++;
  for (let n = free; n > 1; n--) renameSync(`${path}.${n - 1}`, `${path}.${n}`);
  // Renamed last, since other writers may rotate again from then on.
  renameSync(path, `${path}.1`);
}

function isTaken(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
