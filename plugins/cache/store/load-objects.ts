import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Layout, removeFile, toFileName } from "./layout.ts";
import { readManifest, readTemporaryName } from "./manifest.ts";
import { type ObjectIndex, toEntry } from "./object-index.ts";

export interface LoadOptions {
  readonly layout: Layout;
  readonly index: ObjectIndex;
  /** Whether this process has created the generation. */
  readonly isOwn: (generation: string) => boolean;
  /** Whether the object was removed since the load began. */
  readonly isRemoved: (file: string) => boolean;
  readonly signal: AbortSignal;
}

/**
 * Reads all manifests into the index, and removes what an earlier process left: damaged manifests, incomplete
 * files, content of no object. A restart after a crash needs no other repair.
 */
export async function loadObjects(options: LoadOptions): Promise<void> {
  const { layout, index, isOwn, signal } = options;
  let isComplete = true;
  await forEachFile(layout.objects, signal, async (file) => {
    try {
      await loadObject(file, options);
    } catch {
      isComplete = false;
    }
  });
  index.sortByUse();
  // The content of an object whose manifest could not be read now must stay.
  if (!isComplete) return;
  const known = new Set<string>();
  for (const { entries } of index.projects.values())
    for (const { generation } of entries.values()) known.add(generation);
  await forEachFile(layout.contents, signal, async (file) => {
    const generation = file.slice(0, file.lastIndexOf("-"));
    if (!known.has(generation) && !isOwn(generation)) await removeFile(join(layout.contents, file));
  });
}

async function loadObject(file: string, { layout, index, isOwn, isRemoved }: LoadOptions): Promise<void> {
  const path = join(layout.objects, file);
  const generation = readTemporaryName(file);
  if (generation !== undefined && isOwn(generation)) return;
  const manifest = generation === undefined ? await readManifest(path) : "damaged";
  if (manifest === undefined) return;
  if (manifest === "damaged" || toFileName(manifest) !== file) return removeFile(path);
  // The file's time is that of the last use.
  const usedAt = Math.floor((await stat(path)).mtimeMs);
  if (index.get(manifest) === undefined && !isRemoved(file))
    index.put(toEntry(manifest, Math.max(1, Math.min(usedAt, Date.now()))));
}

/** Calls `visit` for each file, some at a time. */
async function forEachFile(
  directory: string,
  signal: AbortSignal,
  visit: (file: string) => Promise<void>,
): Promise<void> {
  const files = (await readdir(directory)).values();
  const visitNext = async (): Promise<void> => {
    for (const file of files) {
      if (signal.aborted) return;
      await visit(file);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, visitNext));
}

const concurrency = 8;
