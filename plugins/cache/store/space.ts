import { statfs } from "node:fs/promises";
import { createFault } from "./fault.ts";
import type { ObjectName } from "./layout.ts";
import type { IndexEntry, ObjectIndex } from "./object-index.ts";

export interface SpaceOptions {
  readonly root: string;
  readonly index: ObjectIndex;
  /** Maximum bytes of all objects and uploads. */
  readonly capacity: number;
  /** Maximum number of objects, which bounds the memory of the index. */
  readonly mostObjects: number;
  /** Whether the index knows all objects; before that, nothing is evicted. */
  readonly isLoaded: () => boolean;
  readonly isPinned: (generation: string) => boolean;
  /** Removes an object; resolves when its bytes are free. */
  readonly evict: (entry: IndexEntry) => Promise<void>;
}

/** Keeps a store within its size, and a floor of the disk free. */
export interface Space {
  /**
   * Makes room for bytes that are about to be written for an object, by evicting others. Rejects with `SlowDown` when
   * those that could be evicted are being read, and with `EntityTooLarge` when there are none.
   */
  take(name: ObjectName, bytes: number): Promise<void>;
  /** Returns bytes that were taken: they were removed, or the index counts them. */
  give(project: string, bytes: number): void;
  /** Evicts what exceeds the limits. */
  shrink(): Promise<void>;
}

export function createSpace(options: SpaceOptions): Space {
  const { root, index, capacity, mostObjects, isLoaded, evict } = options;
  const taken = new Map<string, number>();
  let takenBytes = 0;
  // Of the file system, less what was taken since it was asked.
  let freeBytes = 0;
  let floorBytes = 0;
  let askedAt = 0;
  let turn: Promise<void> = Promise.resolve();

  const askDisk = async (): Promise<void> => {
    const { bavail, blocks, bsize } = await statfs(root);
    freeBytes = bavail * bsize;
    floorBytes = Math.min(largestFloor, blocks * bsize * floorShare);
    askedAt = Date.now();
  };
  const isFull = () => index.cost + takenBytes > capacity || index.count > mostObjects;
  const isTight = () => freeBytes < floorBytes;

  const evictOne = async (kept: ObjectName | undefined): Promise<void> => {
    const entry = findVictim({ ...options, taken, kept: kept && index.get(kept) });
    if (entry === undefined || entry === "busy") throw toRefusal(entry, isFull());
    index.remove(entry);
    await evict(entry);
  };
  const makeRoom = async (kept: ObjectName | undefined): Promise<void> => {
    while (isFull() && isLoaded()) await evictOne(kept);
    await askDisk();
    while (isTight() && isLoaded()) {
      await evictOne(kept);
      await askDisk();
    }
  };
  const give = (project: string, bytes: number): void => {
    takenBytes -= bytes;
    const left = (taken.get(project) ?? 0) - bytes;
    if (left > 0) taken.set(project, left);
    else taken.delete(project);
  };
  const shrink = (kept?: ObjectName): Promise<void> => {
    // One at a time, so that nothing is evicted for bytes that are about to become free.
    const own = turn.then(() => makeRoom(kept));
    turn = own.catch(() => {});
    return own;
  };
  return {
    async take(name, bytes) {
      const { project } = name;
      takenBytes += bytes;
      freeBytes -= bytes;
      taken.set(project, (taken.get(project) ?? 0) + bytes);
      if (!isFull() && !isTight() && Date.now() - askedAt < askEveryMs) return;
      await shrink(name).catch((error: unknown) => {
        give(project, bytes);
        throw error;
      });
    },
    give,
    shrink: () => shrink(),
  };
}

interface VictimOptions extends Pick<SpaceOptions, "index" | "isPinned" | "mostObjects"> {
  readonly taken: ReadonlyMap<string, number>;
  /** The object that is being replaced, which stays until then. */
  readonly kept: IndexEntry | undefined;
}

/**
 * Returns the object to evict: one that was not used for a month, else the least recently used one of the
 * projects that have their share of the store or more, where all shares are the same. So a project never
 * evicts the objects of projects below their share. Objects that are being read stay (`busy` when no other is
 * left), and those that were just read go last, because clients read an object range by range.
 */
function findVictim(options: VictimOptions): IndexEntry | "busy" | undefined {
  const { index, isPinned, kept } = options;
  const weights = weighProjects(options);
  const share = weights.values().reduce((sum, weight) => sum + weight, 0) / weights.size;
  const now = Date.now();
  let [oldest, found, lastResort]: (IndexEntry | undefined)[] = [];
  let isBusy = false;
  for (const [name, { entries }] of index.projects) {
    for (const entry of entries.values()) {
      if (entry === kept) continue;
      if (isPinned(entry.generation)) {
        isBusy = true;
        continue;
      }
      oldest = earlier(oldest, entry);
      if (weights.get(name)! < share) break;
      const isRead = entry.readAt > now - leaseMs;
      if (isRead) lastResort = earlier(lastResort, entry);
      else found = earlier(found, entry);
      if (!isRead) break;
    }
  }
  const isForgotten = oldest !== undefined && oldest.usedAt < now - forgottenMs;
  return (isForgotten ? oldest : (found ?? lastResort)) ?? (isBusy ? "busy" : undefined);
}

/** Weighs projects by what exceeds its limit: the number of objects, or the bytes of objects and uploads. */
function weighProjects({ index, taken, mostObjects }: VictimOptions): ReadonlyMap<string, number> {
  const isCrowded = index.count > mostObjects;
  const names = new Set([...index.projects.keys(), ...taken.keys()]);
  const weigh = (name: string): number => {
    const own = index.projects.get(name);
    return isCrowded ? (own?.entries.size ?? 0) : (own?.cost ?? 0) + (taken.get(name) ?? 0);
  };
  return new Map(Array.from(names, (name) => [name, weigh(name)]));
}

function earlier(a: IndexEntry | undefined, b: IndexEntry): IndexEntry {
  return a === undefined || b.usedAt < a.usedAt ? b : a;
}

function toRefusal(victim: "busy" | undefined, isFull: boolean): Error {
  if (victim === "busy")
    return createFault("SlowDown", "every object that could be evicted is being read: try again");
  return isFull
    ? createFault("EntityTooLarge", "the object is larger than the project's share of the cache (cache-size)")
    : createFault("InsufficientStorage", "the disk of the cache has too little free space");
}

const largestFloor = 1024 ** 3;
const floorShare = 0.05;
const askEveryMs = 1000;
const leaseMs = 60_000;
const forgottenMs = 30 * 24 * 3_600_000;
