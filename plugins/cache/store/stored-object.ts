import { stat, utimes } from "node:fs/promises";
import type { FilePiece } from "signalman/http";
import { readContent } from "./content.ts";
import { createFault } from "./fault.ts";
import { isDamage, type ObjectName, toFileName } from "./layout.ts";
import { type Manifest, readManifest } from "./manifest.ts";
import { removeObject, type StoreParts } from "./store-parts.ts";

/** An object that is open for reading: its content stays as it is until this is disposed. */
export interface StoredObject extends Disposable {
  readonly manifest: Manifest;
  /**
   * Verifies bytes `start` to `end` (exclusive), and yields the parts of files that have them. Throws when the content
   * is damaged. A part is valid until the next one is asked for.
   */
  read(start: number, end: number): AsyncGenerator<FilePiece, void>;
}

/** Opens an object; `undefined` when there is none, or when it is damaged, which removes it. */
export async function openObject(parts: StoreParts, name: ObjectName): Promise<StoredObject | undefined> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const recent = findRecent(parts, name);
    const manifest = recent ?? (await readManifest(parts.layout.manifest(name)));
    if (manifest === undefined) return undefined;
    if (manifest === "damaged" || toFileName(manifest) !== toFileName(name)) {
      await removeObject(parts, name);
      return undefined;
    }
    const { generation } = manifest;
    const pin = parts.pins.pin(generation);
    try {
      if (recent !== undefined || (await isWhole(parts, manifest))) {
        parts.recent.add(manifest);
        markUsed(parts, manifest);
        const read = (start: number, end: number) => readSegments(parts, manifest, start, end);
        return { manifest, read, [Symbol.dispose]: () => pin[Symbol.dispose]() };
      }
    } catch (error) {
      pin[Symbol.dispose]();
      throw error;
    }
    pin[Symbol.dispose]();
    // Content is missing because it is damaged, or because the object was replaced before it was pinned.
    if (await removeObject(parts, name, generation)) return undefined;
  }
  throw createFault("SlowDown", "the object is being replaced all the time: try again");
}

const attempts = 5;

/**
 * Returns the manifest of an object whose files were all there some seconds ago. Other processes change no files of
 * the store, and this one changes its index first.
 */
function findRecent({ index, recent }: StoreParts, name: ObjectName): Manifest | undefined {
  const entry = index.get(name);
  if (entry === undefined || Date.now() - entry.seenAt >= seenMs) return undefined;
  return recent.get(entry.generation);
}

/** Whether all files are there and have their size. */
async function isWhole({ layout, index }: StoreParts, manifest: Manifest): Promise<boolean> {
  const entry = index.get(manifest);
  for (const { file, size } of manifest.segments) {
    try {
      const stats = await stat(layout.content(manifest.generation, file));
      if (!stats.isFile() || stats.size !== size) return false;
    } catch (error) {
      if (isDamage(error)) return false;
      throw error;
    }
  }
  if (entry?.generation === manifest.generation) entry.seenAt = Date.now();
  return true;
}

const seenMs = 10_000;

/** The time of the manifest's file is that of the last use, so that the order of use survives a restart. */
function markUsed({ layout, index }: StoreParts, manifest: Manifest): void {
  const entry = index.get(manifest);
  if (entry?.generation !== manifest.generation) return;
  const isDue = Date.now() - entry.usedAt > writeUseEveryMs || entry.readAt === 0;
  index.touch(entry);
  const time = entry.usedAt / 1000;
  if (isDue) utimes(layout.manifest(manifest), time, time).catch(() => {});
}

const writeUseEveryMs = 10_000;

async function* readSegments(
  parts: StoreParts,
  manifest: Manifest,
  start: number,
  end: number,
): AsyncGenerator<FilePiece, void> {
  const { generation, segments } = manifest;
  let at = 0;
  try {
    for (const segment of segments) {
      const from = Math.max(0, start - at);
      const to = Math.min(segment.size, end - at);
      at += segment.size;
      yield* readContent(parts.layout.content(generation, segment.file), segment, from, to);
    }
  } catch (error) {
    if (isDamage(error)) await removeObject(parts, manifest, generation);
    throw error;
  }
}
