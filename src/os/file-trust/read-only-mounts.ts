import { readFileSync } from "node:fs";
import { parseMountinfo } from "./mountinfo.ts";

/**
 * Returns whether a path, which contains no links, is on a mount that this system cannot write to, as the
 * volumes of configuration in a pod.
 */
export function findReadOnlyMounts(): (path: string) => boolean {
  try {
    return parseMounts(readFileSync("/proc/self/mountinfo", "utf8"));
  } catch {
    return () => false;
  }
}

/** `mountinfo`: the text of `/proc/<pid>/mountinfo`. */
export function parseMounts(mountinfo: string): (path: string) => boolean {
  const mounts = new Map(parseMountinfo(mountinfo).map(({ point, isReadOnly }) => [point, isReadOnly]));
  return (path) => {
    for (let point = path; ; point = point.slice(0, point.lastIndexOf("/")) || "/") {
      const found = mounts.get(point);
      if (found !== undefined) return found;
      if (point === "/") return false;
    }
  };
}
