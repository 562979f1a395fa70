import { readFileSync } from "node:fs";
import { loadLibc } from "../processes/libc.ts";

/**
 * Gives back the memory of this program's code, most of which only its start needs. The kernel maps a page
 * again from its cache when it is executed. Linux only.
 */
export function releaseProgramCode(): void {
  const libc = loadLibc();
  if (libc === undefined) return;
  for (const { start, end } of findCode(readMaps(), process.execPath)) libc.releasePages(start, end - start);
}

function readMaps(): string {
  try {
    return readFileSync("/proc/self/maps", "latin1");
  } catch {
    // There is no /proc here, or no descriptor is left.
    return "";
  }
}

/**
 * Finds the executable mappings of a file, which nothing writes to. `maps`: `/proc/<pid>/maps`
 * (proc_pid_maps(5)).
 */
export function findCode(maps: string, file: string): { readonly start: number; readonly end: number }[] {
  return maps.split("\n").flatMap((line) => {
    const [, start, end, path] =
      /^([0-9a-f]+)-([0-9a-f]+) r-xp [0-9a-f]+ \S+ [1-9]\d* +(\/.*)$/.exec(line) ?? [];
    // The file of a program that was replaced while it runs.
    const isOurs = path === file || path === `${file} (deleted)`;
    return isOurs ? [{ start: Number.parseInt(start!, 16), end: Number.parseInt(end!, 16) }] : [];
  });
}
