import { readFileSync } from "node:fs";

/** A mount of a process. */
export interface Mount {
  /** The directory of the file system that is mounted. */
  readonly root: string;
  readonly point: string;
  readonly type: string;
  readonly isReadOnly: boolean;
}

/** Parses `/proc/<pid>/mountinfo` (proc_pid_mountinfo(5)). A later mount on the same point hides the earlier one. */
export function parseMountinfo(text: string): Mount[] {
  return text.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , root, point, options = ""] = before.split(" ");
    const [type = "", , superOptions = ""] = after.split(" ");
    if (root === undefined || point === undefined) return [];
    const isReadOnly = [options, superOptions].some((list) => list.split(",").includes("ro"));
    return [{ root: unescape(root), point: unescape(point), type, isReadOnly }];
  });
}

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

/** Spaces and the like are written as octal numbers. */
function unescape(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}
