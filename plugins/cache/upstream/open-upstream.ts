import type { Logger } from "signalman";
import type { ObjectName } from "../store/layout.ts";
import type { ObjectStore } from "../store/store.ts";
import type { UpstreamBucket } from "./bucket.ts";
import { createReadThrough } from "./read-through.ts";
import { createUpstreamStore, writeChange } from "./upstream-store.ts";
import { createWriteBehind } from "./write-behind.ts";

/** What is counted: objects that were looked up in the upstream, and changes of objects. */
export type UpstreamOutcome = "hit" | "miss" | "written" | "dropped";

export interface OpenUpstreamOptions {
  readonly store: ObjectStore;
  readonly bucket: UpstreamBucket;
  readonly count: (outcome: UpstreamOutcome) => void;
  readonly logger: Logger;
  /** See `createReadThrough` and `createWriteBehind`. */
  readonly limits?: Partial<Record<"answerMs" | "pauseMs" | "retryMs" | "drainMs" | "stallMs", number>>;
}

/** Puts an upstream behind a store, which it closes. */
export function openUpstream({ store, bucket, count, logger, limits }: OpenUpstreamOptions): ObjectStore {
  const behind = createWriteBehind({
    write: (key, kind, signal) =>
      writeChange(toName(key), kind, { store, bucket, stallMs: limits?.stallMs }, signal),
    count,
    logger,
    ...limits,
  });
  const through = createReadThrough({
    bucket,
    store,
    isRemoved: behind.isRemoved,
    count,
    logger,
    ...limits,
  });
  return createUpstreamStore({ store, through, behind });
}

/** A key begins with its project. */
function toName(key: string): ObjectName {
  return { project: key.slice(0, key.indexOf("/")), key };
}
