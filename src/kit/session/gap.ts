import { closeSync, readSync, unlinkSync, writeSync } from "node:fs";
import { toMessage } from "../../core/errors.ts";
import { openRegularFile } from "../../os/state/file.ts";

/**
 * Buffers output that arrives between two commands: in memory up to a limit, then in a file. Output that
 * exceeds the file's limit or cannot be written is dropped and counted, as is what follows until the next
 * `drain`.
 */
export interface GapBuffer extends Disposable {
  /** Number of bytes that arrived since the last `drain`, with the dropped ones. */
  readonly byteLength: number;
  /** Number of bytes that were dropped since the buffer was created. */
  readonly droppedBytes: number;
  /** Never throws. */
  push(bytes: Uint8Array): void;
  /**
   * Passes everything on, in order, and empties the buffer. A notice stands where output was dropped. Throws
   * only what `output` throws.
   */
  drain(output: (bytes: Uint8Array) => void): void;
}

const memoryBytes = 1024 * 1024;
/** A chunk of a few bytes needs a hundred times as much memory. */
const memoryChunks = 4096;
/** Maximum size of the file. */
const fileBytes = 64 * 1024 * 1024;

/** The file at `path` is created only when the limit of the memory is exceeded. */
export function createGapBuffer(path: string): GapBuffer {
  let chunks: Buffer[] = [];
  let inMemory = 0;
  let file: OverflowFile | undefined;
  let lost = { bytes: 0, reason: "" };
  let droppedBytes = 0;

  function drop(bytes: number, reason: string) {
    if (lost.bytes === 0) lost.reason = reason;
    lost.bytes += bytes;
    droppedBytes += bytes;
  }

  function spill() {
    const all = Buffer.concat(chunks);
    chunks = [];
    inMemory = 0;
    const before = file?.size ?? 0;
    try {
      file ??= openOverflowFile(path);
      file.append(all.subarray(0, fileBytes - before));
      if (before + all.length > fileBytes) throw new Error(`their limit is ${fileBytes} bytes`);
    } catch (error) {
      drop(all.length - ((file?.size ?? 0) - before), toMessage(error));
    }
  }

  function reset() {
    file?.[Symbol.dispose]();
    file = undefined;
    chunks = [];
    inMemory = 0;
    lost = { bytes: 0, reason: "" };
  }

  return {
    get byteLength() {
      return (file?.size ?? 0) + inMemory + lost.bytes;
    },
    get droppedBytes() {
      return droppedBytes;
    },
    push(bytes) {
      if (lost.bytes > 0) return drop(bytes.length, lost.reason);
      chunks.push(Buffer.from(bytes));
      inMemory += bytes.length;
      if (inMemory > memoryBytes || chunks.length > memoryChunks) spill();
    },
    drain(output) {
      try {
        const missing = file?.read(output);
        if (missing) drop(missing.bytes, missing.reason);
        for (const chunk of chunks) output(chunk);
        if (lost.bytes > 0) output(Buffer.from(toNotice(lost)));
      } finally {
        reset();
      }
    },
    [Symbol.dispose]: reset,
  };
}

function toNotice({ bytes, reason }: { bytes: number; reason: string }): string {
  return `\n[signalman: ${bytes} bytes of output between two commands were dropped: ${reason}]\n`;
}

interface OverflowFile extends Disposable {
  readonly size: number;
  /** After an error, `size` tells how much was written. */
  append(bytes: Buffer): void;
  /** Returns what could not be read. */
  read(output: (bytes: Uint8Array) => void): { bytes: number; reason: string } | undefined;
}

/**
 * The job may put anything at `path`: only a new file is used. Its name is removed at once, so that the job
 * cannot replace the file, and that nothing remains after a crash.
 */
function openOverflowFile(path: string): OverflowFile {
  const fd = openRegularFile(path, "create");
  removeName(path);
  let size = 0;
  return {
    get size() {
      return size;
    },
    append(bytes) {
      const end = size + bytes.length;
      for (let at = 0; size < end; at = bytes.length - (end - size))
        size += writeSync(fd, bytes, at, bytes.length - at, size);
    },
    read(output) {
      const buffer = Buffer.alloc(64 * 1024);
      for (let at = 0; at < size;) {
        const read = readPiece(fd, buffer, at);
        if (typeof read === "string") return { bytes: size - at, reason: read };
        output(buffer.subarray(0, Math.min(read, size - at)));
        at += read;
      }
      return undefined;
    },
    [Symbol.dispose]: () => closeSync(fd),
  };
}

/** Returns the number of bytes, or why none could be read. */
function readPiece(fd: number, buffer: Buffer, position: number): number | string {
  try {
    return readSync(fd, buffer, 0, buffer.length, position) || "their file was truncated";
  } catch (error) {
    return toMessage(error);
  }
}

function removeName(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The job removed or replaced it; the descriptor remains valid.
  }
}
