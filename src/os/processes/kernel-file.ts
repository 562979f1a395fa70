import { closeSync, openSync, readFileSync, readSync } from "node:fs";

/** A small file in which the kernel shows current figures, opened once and read often. */
export interface KernelFile extends Disposable {
  /** Returns the text that it has now; `undefined` when it cannot be read, and after disposal. */
  read(): string | undefined;
}

/** Opens a file of the kernel; `undefined` when it cannot be opened. */
export function openKernelFile(path: string): KernelFile | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, "r");
  } catch {
    return undefined;
  }
  return {
    read() {
      if (fd === undefined) return undefined;
      try {
        let length = 0;
        // A read may return one page of several.
        for (let count = -1; count !== 0 && length < buffer.length; length += count)
          count = readSync(fd, buffer, length, buffer.length - length, length);
        return buffer.toString("latin1", 0, length);
      } catch {
        return undefined;
      }
    },
    [Symbol.dispose]() {
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
}

/** Reads a file of the kernel. `undefined` when it is not there or cannot be read. */
export function readKernelText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Larger than `/proc/vmstat`, the largest of these files. */
const buffer = Buffer.allocUnsafeSlow(64 * 1024);
