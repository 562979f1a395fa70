import { makeOwnDirectory, takeLock } from "signalman/host";
import { AgentError } from "signalman";
import { createFault } from "./fault.ts";
import { createLayout, type ObjectName, removeFile, toFileName } from "./layout.ts";
import { loadObjects } from "./load-objects.ts";
import { createNameLocks } from "./name-locks.ts";
import { createNewObject, type NewObject } from "./new-object.ts";
import { createObjectIndex, type IndexEntry } from "./object-index.ts";
import { createPins } from "./pins.ts";
import { createRecentManifests } from "./recent-manifests.ts";
import type { KeyPage, ListOptions } from "./sorted-keys.ts";
import { createSpace } from "./space.ts";
import { removeContent, removeObject, type StoreParts } from "./store-parts.ts";
import { openObject, type StoredObject } from "./stored-object.ts";

export interface StoreOptions {
  /** The store's own directory. It is created with mode 0700. */
  readonly root: string;
  /** Maximum bytes of all objects and uploads. */
  readonly capacity: number;
  /** Default: 200,000. */
  readonly mostObjects?: number;
}

/**
 * Objects of projects, on disk. An object is visible when it is whole: a crash or a full disk leaves the one
 * before. Reads verify checksums, and what is damaged is removed. Within its capacity the store evicts the
 * objects that were used least recently.
 */
export interface ObjectStore extends AsyncDisposable {
  /** Opens an object for reading; `undefined` when there is none. Dispose the result. */
  open(name: ObjectName): Promise<StoredObject | undefined>;
  /** Throws `EntityTooLarge` for a length that can never fit. */
  assertFits(bytes: number): void;
  /** Begins a new content of an object. */
  create(name: ObjectName): NewObject;
  /** Removes an object. Resolves to whether it existed. */
  remove(name: ObjectName): Promise<boolean>;
  /** Lists a project, once all objects are known. */
  list(project: string, options: ListOptions): Promise<ListedPage>;
  /** Resolves when all objects are known, which takes seconds for 100,000 of them. */
  readonly loaded: Promise<void>;
  /** Bytes of all objects as they count towards the capacity. */
  readonly cost: number;
  /** Changes that `cache-upstream` has not got yet. `since`: Unix milliseconds of the earliest one. */
  readonly waiting: { readonly count: number; readonly since: number | undefined };
  /** What each project has, of the objects that are known. */
  projects(): ProjectUsage[];
  /** The objects of a project, those that were used least recently first. */
  entriesOf(project: string): readonly IndexEntry[];
}

export interface ProjectUsage {
  readonly project: string;
  readonly objects: number;
  /** As they count towards the capacity. */
  readonly bytes: number;
}

export interface ListedPage extends Omit<KeyPage, "keys"> {
  readonly entries: readonly ListedEntry[];
}

export type ListedEntry = Pick<IndexEntry, "key" | "size" | "etag" | "modifiedAt">;

/**
 * Opens a store. Lists and eviction wait until the objects of an earlier process are known; all else works at
 * once. Throws `FILE_FAILED` when the directory is not this user's own, and `CACHE_LOCKED` when another agent
 * uses it.
 */
export function openStore({ root, capacity, mostObjects = 200_000 }: StoreOptions): ObjectStore {
  const layout = createLayout(makeOwnDirectory(root));
  makeOwnDirectory(layout.objects);
  makeOwnDirectory(layout.contents);
  const lock = takeLock(layout.lock);
  if (lock === undefined)
    throw new AgentError(
      "CACHE_LOCKED",
      `another agent uses the cache in "${root}": give this one another cache-path`,
    );
  const index = createObjectIndex();
  const pins = createPins();
  const locks = createNameLocks();
  const space = createSpace({
    root,
    index,
    capacity,
    mostObjects,
    isLoaded: () => parts.loading === undefined,
    isPinned: pins.isPinned,
    evict: (entry) =>
      locks.run(toFileName(entry), async () => {
        // The same key may have been stored again meanwhile.
        if (index.get(entry) === undefined) await removeFile(layout.manifest(entry));
        await removeContent(parts, entry);
      }),
  });
  const loading: StoreParts["loading"] = { created: new Set(), removed: new Set() };
  const recent = createRecentManifests();
  const parts: StoreParts = { layout, index, pins, recent, locks, space, unfinished: new Set(), loading };
  const disposed = new AbortController();
  const loaded = load(parts, disposed.signal);
  loaded.catch(() => {});

  return {
    open: (name) => openObject(parts, name),
    assertFits(bytes) {
      if (bytes > capacity)
        throw createFault(
          "EntityTooLarge",
          `the object is larger than the cache: ${capacity} bytes (cache-size)`,
        );
    },
    create: (name) => createNewObject(parts, name),
    remove: (name) => removeObject(parts, name),
    async list(project, options) {
      await loaded;
      const { keys, ...page } = index.list(project, options);
      return { ...page, entries: keys.map((key) => index.get({ project, key })!) };
    },
    loaded,
    get cost() {
      return index.cost;
    },
    waiting: { count: 0, since: undefined },
    projects: () =>
      Array.from(index.projects, ([project, { entries, cost }]) => ({
        project,
        objects: entries.size,
        bytes: cost,
      })),
    entriesOf: (project) => [...(index.projects.get(project)?.entries.values() ?? [])],
    async [Symbol.asyncDispose]() {
      disposed.abort();
      await Promise.allSettled([loaded, ...Array.from(parts.unfinished, (content) => content.abort())]);
      lock[Symbol.dispose]();
    },
  };
}

async function load(parts: StoreParts, signal: AbortSignal): Promise<void> {
  const { layout, index, space, loading } = parts;
  await loadObjects({
    layout,
    index,
    isOwn: (generation) => loading?.created.has(generation) === true,
    isRemoved: (file) => loading?.removed.has(file) === true,
    signal,
  });
  parts.loading = undefined;
  // A smaller cache-size, or a disk that was filled since.
  space.shrink().catch(() => {});
}
