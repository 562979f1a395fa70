import { type Layout, type ObjectName, removeFile, toFileName } from "./layout.ts";
import { readManifest } from "./manifest.ts";
import type { NameLocks } from "./name-locks.ts";
import { type IndexEntry, type ObjectIndex, toEntry } from "./object-index.ts";
import type { Pins } from "./pins.ts";
import type { RecentManifests } from "./recent-manifests.ts";
import type { Space } from "./space.ts";

/** What the operations of one store share. */
export interface StoreParts {
  readonly layout: Layout;
  readonly index: ObjectIndex;
  readonly pins: Pins;
  readonly recent: RecentManifests;
  readonly locks: NameLocks;
  readonly space: Space;
  /** Contents that are being written. */
  readonly unfinished: Set<{ abort(): Promise<void> }>;
  /** What has changed while objects of an earlier process are being loaded; `undefined` afterwards. */
  loading: { readonly created: Set<string>; readonly removed: Set<string> } | undefined;
}

/**
 * Removes an object, but not one that has replaced the given generation. Resolves to whether there was one to
 * remove.
 */
export function removeObject(parts: StoreParts, name: ObjectName, generation?: string): Promise<boolean> {
  const { layout, index, locks } = parts;
  const file = toFileName(name);
  return locks.run(file, async () => {
    const path = layout.manifest(name);
    const manifest = await readManifest(path);
    if (manifest === undefined) return false;
    const isDamaged = manifest === "damaged";
    if (!isDamaged && generation !== undefined && manifest.generation !== generation) return false;
    parts.loading?.removed.add(file);
    const entry = index.remove(name) ?? (isDamaged ? undefined : toEntry(manifest, 1));
    await removeFile(path);
    if (entry) void removeContent(parts, entry);
    return !isDamaged;
  });
}

/** Removes the files of a content once it has no readers. */
export function removeContent(
  { layout, pins }: Pick<StoreParts, "layout" | "pins">,
  { generation, files }: Pick<IndexEntry, "generation" | "files">,
): Promise<void> {
  return pins.whenFree(generation, async () => {
    for (const file of files) await removeFile(layout.content(generation, file));
  });
}
