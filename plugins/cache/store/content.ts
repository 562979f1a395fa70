import { createDamage, createFile, openFile, readFully, removeFile, writeFully } from "./layout.ts";
import { blockBytes, type Segment } from "./manifest.ts";

/** Writes one file of content, and hashes its blocks. */
export interface ContentWriter {
  /** Appends bytes, which may be reused afterwards. Resolves at the pace of the disk. */
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

/** One block is written while the next one is filled. */
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

  const flush = async (): Promise<void> => {
    if (block === undefined || filled === 0) return;
    await writing;
    const bytes = block.subarray(0, filled);
    await take(bytes.length);
    hashes.push(Bun.hash.xxHash3(bytes));
    writing = writeFully(handle, bytes, size);
    writing.catch(() => {});
    size += filled;
    [block, spare, filled] = [spare, block, 0];
  };
  return {
    async write(bytes) {
      for (let at = 0; at < bytes.length;) {
        block ??= Buffer.allocUnsafeSlow(blockBytes);
        const count = Math.min(block.length - filled, bytes.length - at);
        block.set(bytes.subarray(at, at + count), filled);
        filled += count;
        at += count;
        if (filled === block.length) await flush();
      }
    },
    async end() {
      await flush();
      await writing;
      await close();
      block = spare = undefined;
      return { file, size, hashes: BigUint64Array.from(hashes) };
    },
    async abort() {
      await close().catch(() => {});
      await removeFile(path);
    },
  };
}

/**
 * Reads bytes `start` to `end` (exclusive) of a file. Throws when a block is not what was written. A piece is valid
 * until the next one is asked for.
 */
export async function* readContent(
  path: string,
  { size, hashes }: Segment,
  start: number,
  end: number,
): AsyncGenerator<Buffer, void> {
  if (start >= end) return;
  let buffer: Buffer | undefined;
  const { handle } = await openFile(path);
  try {
    for (let index = Math.floor(start / blockBytes); index * blockBytes < end; index++) {
      const at = index * blockBytes;
      const block = (buffer ??= Buffer.allocUnsafeSlow(blockBytes)).subarray(
        0,
        Math.min(blockBytes, size - at),
      );
      if ((await readFully(handle, block, at)) < block.length) throw createDamage(`"${path}" ends too early`);
      if (Bun.hash.xxHash3(block) !== hashes[index])
        throw createDamage(`"${path}": the checksum of block ${index} is wrong`);
      const piece = block.subarray(Math.max(0, start - at), Math.min(block.length, end - at));
      yield piece;
      if (piece.length < reusableBytes) buffer = undefined;
    }
  } finally {
    await handle.close();
  }
}

/** Smaller pieces may wait in the buffers of a connection when the next one is asked for. */
const reusableBytes = 128 * 1024;
