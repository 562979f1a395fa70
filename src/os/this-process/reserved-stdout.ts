import { loadLibc } from "../processes/libc.ts";

let reserved: NodeJS.WriteStream | undefined;

/**
 * Keeps stdout for `ownStdout`: everything else that this process or its children write to it goes to stderr
 * from here on.
 */
export function reserveStdout(): void {
  // Bun's stream has a descriptor of its own, so that it still leads to stdout.
  reserved ??= process.stdout;
  loadLibc()?.duplicate(2, 1);
  Object.defineProperty(process, "stdout", { configurable: true, value: process.stderr });
}

/** The stream of the program's own output. */
export function ownStdout(): NodeJS.WriteStream {
  return reserved ?? process.stdout;
}
