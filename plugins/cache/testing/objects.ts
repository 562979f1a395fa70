import type { FilePiece } from "signalman/http";
import { toContentTag } from "../s3/content-tag.ts";
import type { ObjectName } from "../store/layout.ts";
import { blockBytes, countBlocks } from "../store/manifest.ts";
import type { ObjectStore } from "../store/store.ts";

/** Stores an object of one file. */
export async function storeObject(store: ObjectStore, name: ObjectName, bytes: Uint8Array): Promise<void> {
  const object = store.create(name);
  try {
    const writer = await object.open();
    await writer.write(bytes);
    const etag = new Bun.CryptoHasher("md5").update(bytes).digest("hex");
    await object.commit({ etag, headers: {}, segments: [await writer.end()] });
  } catch (error) {
    await object.abort();
    throw error;
  }
}

/** Reads an object; `undefined` when there is none. */
export async function readObject(
  store: ObjectStore,
  name: ObjectName,
  start = 0,
  end?: number,
): Promise<Buffer | undefined> {
  using object = await store.open(name);
  if (object === undefined) return undefined;
  return collect(object.read(start, end ?? object.manifest.size));
}

/** Joins parts of files that are valid only until the next one. */
export async function collect(parts: AsyncIterable<FilePiece>): Promise<Buffer> {
  return Buffer.concat(
    await Array.fromAsync(parts, async ({ file, start, end }) => {
      const buffer = Buffer.alloc(end - start);
      await file.read(buffer, 0, buffer.length, start);
      return buffer;
    }),
  );
}

/** Returns the ETag of a content that was stored without its MD5. */
export function tagOf(text: string): string {
  const bytes = Buffer.from(text);
  const blocks = Array.from({ length: countBlocks(bytes.length) }, (_, index) =>
    Bun.hash.xxHash3(bytes.subarray(index * blockBytes, (index + 1) * blockBytes)),
  );
  return toContentTag({ size: bytes.length, hashes: BigUint64Array.from(blocks) });
}
