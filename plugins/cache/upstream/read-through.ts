import { createOutageLog, type Logger, toMessage } from "signalman";
import { toFault } from "../store/fault.ts";
import type { ObjectName } from "../store/layout.ts";
import type { ObjectStore } from "../store/store.ts";
import type { ListedObject, UpstreamBucket } from "./bucket.ts";
import { createDeadline, type Deadline } from "./deadline.ts";

/** Reads what this cache does not have. Never rejects: without the upstream an object is missing. */
export interface ReadThrough {
  /** Copies an object into the store. Resolves to whether the store has it now. */
  fetch(name: ObjectName): Promise<boolean>;
  /** Lists the objects of a project, at most 10,000, as they were some seconds ago. */
  list(project: string): Promise<readonly ListedObject[]>;
}

export interface ReadThroughOptions {
  readonly bucket: Pick<UpstreamBucket, "get" | "list">;
  readonly store: Pick<ObjectStore, "create" | "assertFits">;
  /** Whether an object was removed here, and is not yet in the upstream. */
  readonly isRemoved: (key: string) => boolean;
  readonly count: (outcome: "hit" | "miss") => void;
  readonly logger: Logger;
  /** Milliseconds for the upstream to answer, and then for each further piece of an object. Default: 5 s. */
  readonly answerMs?: number;
  /** Milliseconds after a failure in which the upstream is not asked. Default: 15 s. */
  readonly pauseMs?: number;
}

export function createReadThrough(options: ReadThroughOptions): ReadThrough {
  const { bucket, count, logger, answerMs = 5000, pauseMs = 15_000 } = options;
  const fetches = new Map<string, Promise<boolean>>();
  const lists = new Map<
    string,
    { readonly at: number; readonly objects: Promise<readonly ListedObject[]> }
  >();
  const outage = createOutageLog({
    logger,
    level: "warn",
    describeFailure: (reason) => `cache-upstream does not answer, objects that it has are missing: ${reason}`,
    recovery: "cache-upstream answers again",
  });
  let pausedUntil = 0;

  /** Jobs do not wait for an upstream that has just failed. */
  const ask = async <T>(work: (deadline: Deadline) => Promise<T>, otherwise: T): Promise<T> => {
    if (performance.now() < pausedUntil) return otherwise;
    using deadline = createDeadline(answerMs);
    try {
      const result = await work(deadline);
      outage.recovered();
      return result;
    } catch (error) {
      if (toFault(error) !== undefined) {
        logger.debug(`an object of cache-upstream is not kept: ${toMessage(error)}`);
        return otherwise;
      }
      pausedUntil = performance.now() + pauseMs;
      outage.failed(toMessage(error));
      return otherwise;
    }
  };
  const listAll = async (project: string): Promise<readonly ListedObject[]> => {
    const objects: ListedObject[] = [];
    await ask(async (deadline) => {
      for (let isLast = false; !isLast && objects.length < mostListed;) {
        const page = await bucket.list(`${project}/`, objects.at(-1)?.key ?? "", deadline.signal);
        objects.push(...page.objects);
        isLast = page.isLast;
      }
    }, undefined);
    return objects;
  };
  return {
    fetch(name) {
      const { key } = name;
      const running = fetches.get(key);
      if (running !== undefined) return running;
      const own = ask((deadline) => copy(name, options, deadline), false)
        .then((isFound) => (count(isFound ? "hit" : "miss"), isFound))
        .finally(() => fetches.delete(key));
      fetches.set(key, own);
      return own;
    },
    list(project) {
      const known = lists.get(project);
      const now = performance.now();
      if (known !== undefined && now - known.at < listedMs) return known.objects;
      for (const [other, { at }] of lists) if (now - at >= listedMs) lists.delete(other);
      const objects = listAll(project);
      lists.set(project, { at: now, objects });
      return objects;
    },
  };
}

const mostListed = 10_000;
const listedMs = 5000;

/** Copies an object, which is visible when it is whole. An object that a job has stored meanwhile stays. */
async function copy(
  name: ObjectName,
  { bucket, store, isRemoved }: ReadThroughOptions,
  deadline: Deadline,
): Promise<boolean> {
  const found = await bucket.get(name.key, deadline.signal);
  if (found === undefined) return false;
  store.assertFits(found.size);
  const object = store.create(name);
  try {
    const writer = await object.open();
    let received = 0;
    for await (const piece of found.body) {
      deadline.extend();
      received += piece.length;
      if (received > found.size) break;
      await writer.write(piece);
    }
    const segment = await writer.end();
    if (received !== found.size) throw new Error("an object has another length than announced");
    let isStored = false;
    const check = (current: unknown): void => {
      isStored = current !== undefined;
      if (isStored || isRemoved(name.key)) throw superseded;
    };
    const { etag, headers } = found;
    await object.commit({ etag, headers, segments: [segment] }, check).catch((error: unknown) => {
      if (error !== superseded) throw error;
    });
    return isStored || !isRemoved(name.key);
  } catch (error) {
    await object.abort();
    throw error;
  }
}

const superseded = new Error("the object was changed here meanwhile");
