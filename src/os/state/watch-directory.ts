import { watch } from "node:fs";
import { inDirectory } from "./file.ts";

/**
 * Calls `onChange` with the name of each entry of a directory that changes. Returns `undefined` when the
 * system cannot watch the directory. A watch may end without notice, as when the directory is removed, so
 * that callers look themselves from time to time.
 */
export function watchDirectory(
  path: string,
  onChange: (name: string | null) => void,
): Disposable | undefined {
  try {
    const watcher = inDirectory(path, (at) => watch(at("."), (_, name) => onChange(name)));
    watcher.on("error", () => {});
    return { [Symbol.dispose]: () => watcher.close() };
  } catch {
    return undefined;
  }
}
