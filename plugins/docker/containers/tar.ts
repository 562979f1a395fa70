import { pipeline } from "node:stream/promises";
import { extract, pack } from "tar-stream";

/** A file of an archive. */
export interface TarEntry {
  /** Path without a leading slash. */
  readonly name: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly content: Uint8Array;
}

/** Packs a tar archive for the engine. */
export async function toTar(entries: readonly TarEntry[]): Promise<Buffer> {
  const archive = pack();
  for (const { content, ...header } of entries) {
    // The fields of ustar hold ids up to 262143 only.
    const pax = { uid: `${header.uid}`, gid: `${header.gid}` };
    archive.entry({ ...header, pax, mtime: new Date(0) }, Buffer.from(content));
  }
  archive.finalize();
  return collect(archive);
}

/**
 * Reads the content of an archive's first file and no further. Resolves to `undefined` when the archive is
 * empty.
 */
export async function readFirstFile(
  tar: NodeJS.ReadableStream,
  maxBytes: number,
): Promise<Buffer | "too large" | undefined> {
  const reader = extract();
  // A failure of the connection also fails the reader, which reports it below.
  pipeline(tar, reader).catch(() => {});
  try {
    const first = await reader[Symbol.asyncIterator]().next();
    if (first.done) return undefined;
    const { header } = first.value;
    return (header.size ?? 0) > maxBytes ? "too large" : await collect(first.value);
  } finally {
    // Also closes the connection.
    reader.destroy();
  }
}

async function collect(stream: AsyncIterable<unknown>): Promise<Buffer> {
  return Buffer.concat((await Array.fromAsync(stream)) as Buffer[]);
}
