import { pipeline } from "node:stream/promises";
import { extract, pack } from "tar-stream";

/** A file or directory of an archive. */
export interface TarEntry {
  /** Without a leading slash. */
  readonly name: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly content: Uint8Array;
}

/** Packs an archive as the engine takes it. */
export async function toTar(entries: readonly TarEntry[]): Promise<Buffer> {
  const archive = pack();
  for (const { content, ...header } of entries) {
    // The fields of the old format hold ids up to 262143 only.
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
  // A failure of the connection is one of the reader, which reports it below.
  pipeline(tar, reader).catch(() => {});
  try {
    const first = await reader[Symbol.asyncIterator]().next();
    if (first.done) return undefined;
    const { header } = first.value;
    return (header.size ?? 0) > maxBytes ? "too large" : await collect(first.value);
  } finally {
    // Ends the connection as well.
    reader.destroy();
  }
}

async function collect(stream: AsyncIterable<unknown>): Promise<Buffer> {
  return Buffer.concat((await Array.fromAsync(stream)) as Buffer[]);
}
