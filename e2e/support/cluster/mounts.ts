import { readFileSync } from "node:fs";
import path from "node:path";
import { run } from "./command.ts";

/** Unmounts everything below a directory, the last mounted first. */
export async function unmountBelow(directory: string): Promise<void> {
  const mounts = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((mount) => mount.startsWith(`${directory}${path.sep}`));
  for (const mount of mounts.toReversed()) await run(["umount", "--lazy", mount]).catch(() => {});
}
