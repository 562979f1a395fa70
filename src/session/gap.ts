import { closeSync, constants, openSync, readSync, unlinkSync, writeSync } from "node:fs";

/** Buffers output that arrives between two commands: in memory up to a limit, then in a file. */
export interface GapBuffer extends Disposable {
  readonly byteLength: number;
  push(bytes: Uint8Array): void;
  /** Passes everything on, in order, and empties the buffer. */
  drain(output: (bytes: Uint8Array) => void): void;
}

const memoryBytes = 1024 * 1024;

/** The file at `path` is created only when the limit is exceeded. */
export function createGapBuffer(path: string): GapBuffer {
  let chunks: Buffer[] = [];
  let inMemory = 0;
  let inFile = 0;
  let fd: number | undefined;

  function spill() {
    fd ??= openSync(
      path,
      constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW,
      0o600,
    );
    for (const chunk of chunks) inFile += writeAll(fd, chunk, inFile);
    chunks = [];
    inMemory = 0;
  }

  function discard() {
    if (fd === undefined) return;
    closeSync(fd);
    unlinkSync(path);
    fd = undefined;
    inFile = 0;
  }

  return {
    get byteLength() {
      return inFile + inMemory;
    },
    push(bytes) {
      chunks.push(Buffer.from(bytes));
      inMemory += bytes.length;
      if (inMemory > memoryBytes) spill();
    },
    drain(output) {
      const rest = chunks;
      chunks = [];
      inMemory = 0;
      if (fd !== undefined) {
        const buffer = Buffer.alloc(64 * 1024);
        for (let at = 0, read = 0; at < inFile; at += read) {
          read = readSync(fd, buffer, 0, buffer.length, at);
          if (read === 0) break;
          output(buffer.subarray(0, read));
        }
        discard();
      }
      for (const chunk of rest) output(chunk);
    },
    [Symbol.dispose]() {
      chunks = [];
      inMemory = 0;
      discard();
    },
  };
}

function writeAll(fd: number, bytes: Buffer, position: number): number {
  let written = 0;
  while (written < bytes.length)
    written += writeSync(fd, bytes, written, bytes.length - written, position + written);
  return written;
}
