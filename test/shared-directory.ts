import { chmodSync, mkdirSync } from "node:fs";

/** Gives a directory, which is created if it is missing, the mode of `/tmp`: 1777. */
export function makeSharedDirectory(path: string): void {
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o1777);
}
