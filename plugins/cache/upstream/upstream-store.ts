import { isChecksumName } from "../s3/digests.ts";
import type { NewObject } from "../store/new-object.ts";
import { createSortedKeys } from "../store/sorted-keys.ts";
import type { ObjectName } from "../store/layout.ts";
import type { ListedEntry, ObjectStore } from "../store/store.ts";
import type { StoredObject } from "../store/stored-object.ts";
import type { UpstreamBucket } from "./bucket.ts";
import { createDeadline, type Deadline } from "./deadline.ts";
import { isPortableKey } from "./portable-key.ts";
import type { ReadThrough } from "./read-through.ts";
import type { ChangeKind } from "./change-journal.ts";
import type { WriteBehind, WriteOutcome } from "./write-behind.ts";

export interface UpstreamStoreOptions {
  readonly store: ObjectStore;
  readonly through: ReadThrough;
  /** Is closed with the store, after its last changes. */
  readonly behind: WriteBehind;
}

/**
 * A store that also has the objects of an upstream: they are copied when they are opened, and changes are passed on
 * later. Disposing waits for them, for a while.
 */
export function createUpstreamStore({ store, through, behind }: UpstreamStoreOptions): ObjectStore {
  return {
    async open(name) {
      const found = await store.open(name);
      if (found !== undefined || !isPortableKey(name.key) || behind.isRemoved(name.key)) return found;
      return (await through.fetch(name)) ? store.open(name) : undefined;
    },
    assertFits: (bytes) => store.assertFits(bytes),
    create: (name) => passOn(store.create(name), behind),
    async remove(name) {
      return change(name.key, "remove", behind, () => store.remove(name));
    },
    async list(project, options) {
      const [own, others] = await Promise.all([store.list(project, options), through.list(project)]);
      const entries = new Map<string, ListedEntry>(
        store.entriesOf(project).map((entry) => [entry.key, entry]),
      );
      const added = others.filter(({ key }) => !entries.has(key) && !behind.isRemoved(key));
      if (added.length === 0) return own;
      for (const entry of added) entries.set(entry.key, entry);
      const { keys, ...page } = createSortedKeys(entries.keys()).list(options);
      return { ...page, entries: keys.map((key) => entries.get(key)!) };
    },
    loaded: store.loaded,
    get cost() {
      return store.cost;
    },
    get waiting() {
      return behind.waiting;
    },
    projects: () => store.projects(),
    entriesOf: (project) => store.entriesOf(project),
    async [Symbol.asyncDispose]() {
      await behind[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

function passOn(object: NewObject, behind: WriteBehind): NewObject {
  const { key } = object.name;
  return {
    ...object,
    commit: (details, check) => change(key, "put", behind, () => object.commit(details, check)),
  };
}

/** Makes a change here, and passes it on. */
async function change<T>(
  key: string,
  kind: ChangeKind,
  behind: WriteBehind,
  make: () => Promise<T>,
): Promise<T> {
  if (!isPortableKey(key)) return make();
  const id = behind.prepare(key, kind);
  try {
    const result = await make();
    behind.add(key, kind, id);
    return result;
  } catch (error) {
    behind.cancel(id);
    throw error;
  }
}

export interface WriteChangeOptions {
  readonly store: Pick<ObjectStore, "open">;
  readonly bucket: UpstreamBucket;
  /** Milliseconds in which the upstream must take a part of an object. Default: 1 min. */
  readonly stallMs?: number | undefined;
}

/**
 * Makes a change in the upstream. An object that is removed and exists here was stored again: a process that is killed
 * may have left both changes.
 */
export async function writeChange(
  name: ObjectName,
  kind: ChangeKind,
  { store, bucket, stallMs = 60_000 }: WriteChangeOptions,
  stopped: AbortSignal,
): Promise<WriteOutcome> {
  using deadline = createDeadline(stallMs, stopped);
  const { signal } = deadline;
  using object = await store.open(name);
  if (object === undefined && kind === "put") return "gone";
  // An object without its metadata would be another one, as is an earlier one under its key.
  if (object === undefined || !isPlain(object)) await bucket.remove(name.key, signal);
  else {
    const type = object.manifest.headers["content-type"] ?? "binary/octet-stream";
    await bucket.put(name.key, { type, body: toStream(object, deadline) }, signal);
  }
  return "written";
}

function isPlain({ manifest }: StoredObject): boolean {
  return Object.keys(manifest.headers).every((header) => header === "content-type" || isChecksumName(header));
}

/** Reads an object at the pace of the upload. Damage ends it, so that the upload fails. */
function toStream(object: StoredObject, deadline: Deadline): ReadableStream<Uint8Array<ArrayBuffer>> {
  const parts = object.read(0, object.manifest.size);
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        deadline.extend();
        const { done, value } = await parts.next();
        if (done) return controller.close();
        const bytes = new Uint8Array(value.end - value.start);
        const { bytesRead } = await value.file.read(bytes, 0, bytes.length, value.start);
        if (bytesRead < bytes.length) throw new Error("a file of the cache ends too early");
        controller.enqueue(bytes);
      },
      async cancel() {
        await parts.return();
      },
    },
    { highWaterMark: 0 },
  );
}
