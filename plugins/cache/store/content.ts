import type { FileHandle } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { type FilePiece, readCached } from "signalman/http";
import { createBufferPool } from "./buffer-pool.ts";
import { createDamage, createFile, openFile, readFully, removeFile, writeFully } from "./layout.ts";
import { blockBytes, type Segment } from "./manifest.ts";

/** Writes one file of content, and hashes its blocks. */
export interface ContentWriter {
  /** Appends bytes, which must stay as they are until the file is complete. Resolves at the pace of the disk. */
  write(bytes: Uint8Array): Promise<void>;
  /** Completes the file. */
  end(): Promise<Segment>;
  /** Removes the file, whether complete or not. */
  abort(): Promise<void>;
}

export interface ContentWriterOptions {
  readonly path: string;
  readonly file: number;
  /** Called before bytes are written. A rejection fails the write. */
  readonly take: (bytes: number) => Promise<void>;
}

/** Blocks are written while the next one is filled. Whole blocks are written without a copy. */
export async function createContentWriter(options: ContentWriterOptions): Promise<ContentWriter> {
  const { path, file, take } = options;
  const handle = await createFile(path);
  const hashes: bigint[] = [];
  let size = 0;
  let block: Buffer | undefined;
  let spare: Buffer | undefined;
  let filled = 0;
  let writing = Promise.resolve();
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= writing.catch(() => {}).then(() => handle.close()));

  const put = async (bytes: Uint8Array): Promise<void> => {
    await writing;
    await take(bytes.length);
    for (let at = 0; at < bytes.length; at += blockBytes)
      hashes.push(Bun.hash.xxHash3(bytes.subarray(at, at + blockBytes)));
    writing = writeFully(handle, bytes, size);
    writing.catch(() => {});
    size += bytes.length;
  };
  const flush = async (): Promise<void> => {
    if (block === undefined || filled === 0) return;
    await put(block.subarray(0, filled));
    [block, spare, filled] = [spare, block, 0];
  };
  return {
    async write(bytes) {
      for (let at = 0; at < bytes.length;) {
        const left = bytes.length - at;
        if (filled === 0 && left >= blockBytes) {
          const whole = left - (left % blockBytes);
          await put(bytes.subarray(at, at + whole));
          at += whole;
          continue;
        }
        block ??= Buffer.allocUnsafeSlow(blockBytes);
        const count = Math.min(block.length - filled, left);
        block.set(bytes.subarray(at, at + count), filled);
        filled += count;
        at += count;
        if (filled === block.length) await flush();
      }
    },
    async end() {
      try {
        await flush();
        await writing;
      } finally {
        await close();
        block = spare = undefined;
      }
      return { file, size, hashes: BigUint64Array.from(hashes) };
    },
    async abort() {
      await close().catch(() => {});
      await removeFile(path);
    },
  };
}

/**
 * Verifies bytes `start` to `end` (exclusive) of a file, and yields parts of it. Throws when a block is not what was
 * written. A part is valid until the next one is asked for.
 */
export async function* readContent(
  path: string,
  { size, hashes }: Segment,
  start: number,
  end: number,
): AsyncGenerator<FilePiece, void> {
  if (start >= end) return;
  const { handle } = await openFile(path);
  try {
    for (let at = start - (start % blockBytes); at < end; at += verifiedBytes) {
      const stop = Math.min(at + verifiedBytes, size, Math.ceil(end / blockBytes) * blockBytes);
      const fault = await verifyBuffers.use((buffer) =>
        findFault(handle, buffer.subarray(0, stop - at), at, hashes),
      );
      if (fault !== undefined) throw createDamage(`"${path}" ${fault}`);
      yield { file: handle, start: Math.max(start, at), end: Math.min(end, stop) };
    }
  } finally {
    await handle.close();
  }
}

async function findFault(
  handle: FileHandle,
  buffer: Buffer,
  at: number,
  hashes: BigUint64Array,
): Promise<string | undefined> {
  // What the kernel has in memory is read here, since a thread for each read costs more than the read itself.
  const cached = readCached(handle.fd, buffer, at);
  // Others have their turn, however many parts are in memory.
  if (cached === buffer.length) await setImmediate();
  else if ((await readFully(handle, buffer.subarray(cached), at + cached)) < buffer.length - cached)
    return "ends too early";
  for (let from = 0; from < buffer.length; from += blockBytes) {
    const index = (at + from) / blockBytes;
    if (Bun.hash.xxHash3(buffer.subarray(from, from + blockBytes)) !== hashes[index])
      return `is damaged: the checksum of block ${index} is wrong`;
  }
  return undefined;
}

const verifiedBytes = 4 * blockBytes;

/** More than these would wait for the disk, and take memory for each reader. */
const verifyBuffers = createBufferPool({ size: verifiedBytes, most: 8 });
