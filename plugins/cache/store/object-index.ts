import type { ObjectName } from "./layout.ts";
import type { Manifest } from "./manifest.ts";
import { createSortedKeys, type KeyPage, type ListOptions, type SortedKeys } from "./sorted-keys.ts";

/** What is known of an object without its file. */
export interface IndexEntry extends ObjectName {
  readonly generation: string;
  readonly size: number;
  readonly etag: string;
  readonly modifiedAt: number;
  /** Numbers of the content's files. */
  readonly files: readonly number[];
  /** Bytes that the object takes on disk, roughly. */
  readonly cost: number;
  /** Unix milliseconds of the last use; two entries never have the same. */
  usedAt: number;
  /** Unix milliseconds of the last read; 0 before the first one. */
  readAt: number;
  /** Unix milliseconds when all files of the content were seen last; 0 before that. */
  seenAt: number;
}

/** The objects of a project, those that were used least recently first. */
export interface ProjectIndex {
  readonly entries: ReadonlyMap<string, IndexEntry>;
  /** The sum of all costs. */
  readonly cost: number;
}

/** All objects of a store, in memory: some 300 bytes for each. */
export interface ObjectIndex {
  readonly projects: ReadonlyMap<string, ProjectIndex>;
  readonly cost: number;
  readonly count: number;
  get(name: ObjectName): IndexEntry | undefined;
  /** Adds an object as the one used last. Returns the one that it replaces. */
  put(entry: IndexEntry): IndexEntry | undefined;
  remove(name: ObjectName): IndexEntry | undefined;
  /** Makes an object the one that was used last. */
  touch(entry: IndexEntry): void;
  /** Puts objects that were added out of order into the order of their use. */
  sortByUse(): void;
  list(project: string, options: ListOptions): KeyPage;
}

interface MutableProject {
  entries: Map<string, IndexEntry>;
  cost: number;
  /** Created by the first list. */
  keys: SortedKeys | undefined;
}

export function createObjectIndex(): ObjectIndex {
  const projects = new Map<string, MutableProject>();
  let [cost, count, lastUse] = [0, 0, 0];
  const nextUse = () => (lastUse = Math.max(Date.now(), lastUse + 1));

  const remove = ({ project, key }: ObjectName): IndexEntry | undefined => {
    const own = projects.get(project);
    const entry = own?.entries.get(key);
    if (own === undefined || entry === undefined) return undefined;
    own.entries.delete(key);
    own.keys?.delete(key);
    own.cost -= entry.cost;
    cost -= entry.cost;
    count -= 1;
    if (own.entries.size === 0) projects.delete(project);
    return entry;
  };
  return {
    projects,
    get cost() {
      return cost;
    },
    get count() {
      return count;
    },
    get: ({ project, key }) => projects.get(project)?.entries.get(key),
    put(entry) {
      const previous = remove(entry);
      const own = projects.get(entry.project) ?? { entries: new Map(), cost: 0, keys: undefined };
      projects.set(entry.project, own);
      own.entries.set(entry.key, entry);
      own.keys?.add(entry.key);
      own.cost += entry.cost;
      cost += entry.cost;
      count += 1;
      if (entry.usedAt === 0) entry.usedAt = nextUse();
      else lastUse = Math.max(lastUse, entry.usedAt);
      return previous;
    },
    remove,
    touch(entry) {
      const own = projects.get(entry.project);
      if (own?.entries.get(entry.key) !== entry) return;
      entry.usedAt = nextUse();
      entry.readAt = entry.usedAt;
      own.entries.delete(entry.key);
      own.entries.set(entry.key, entry);
    },
    sortByUse() {
      for (const own of projects.values()) {
        own.entries = new Map([...own.entries].sort(([, a], [, b]) => a.usedAt - b.usedAt));
      }
    },
    list(project, options) {
      const own = projects.get(project);
      if (own === undefined || options.most === 0) return { keys: [], prefixes: [], next: undefined };
      own.keys ??= createSortedKeys(own.entries.keys());
      return own.keys.list(options);
    },
  };
}

/** `usedAt` is 0 for an object that is used now. */
export function toEntry(manifest: Manifest, usedAt: number): IndexEntry {
  const { project, key, generation, size, etag, modifiedAt, segments } = manifest;
  const files = segments.map(({ file }) => file);
  const common = { project, key, generation, size, etag, modifiedAt, usedAt, readAt: 0, seenAt: 0 };
  return { ...common, files, cost: toCost(size, files.length) };
}

/** Manifest and files take a block of the file system each, at least. */
export function toCost(size: number, files: number): number {
  return size + fileSystemBlock * (1 + files);
}

const fileSystemBlock = 4096;
