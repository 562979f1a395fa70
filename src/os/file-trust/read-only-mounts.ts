import { readFileSync } from "node:fs";

/** Returns whether a path, which contains no links, is on a mount that this system cannot write to, as the volumes of configuration in a pod. */
export function findReadOnlyMounts(): (path: string) => boolean {
  try {
    return parseMounts(readFileSync("/proc/self/mountinfo", "utf8"));
  } catch {
    return () => false;
  }
}

/** Reads the format of `/proc/<pid>/mountinfo` (proc_pid_mountinfo(5)). */
export function parseMounts(text: string): (path: string) => boolean {
  const mounts = new Map<string, boolean>();
  for (const line of text.split("\n")) {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , , point, options = ""] = before.split(" ");
    const [, , superOptions = ""] = after.split(" ");
    // A later mount on the same point hides the earlier one.
    if (point !== undefined) mounts.set(unescape(point), [options, superOptions].some(isReadOnly));
  }
  return (path) => {
    for (let point = path; ; point = point.slice(0, point.lastIndexOf("/")) || "/") {
      const found = mounts.get(point);
      if (found !== undefined) return found;
      if (point === "/") return false;
    }
  };
}

function isReadOnly(options: string): boolean {
  return options.split(",").includes("ro");
}

/** Spaces and the like are written as octal numbers. */
function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}
