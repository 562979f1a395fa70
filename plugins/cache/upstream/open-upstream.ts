import { join } from "node:path";
import { type Logger, toMessage } from "signalman";
import type { ObjectName } from "../store/layout.ts";
import type { ObjectStore } from "../store/store.ts";
import type { UpstreamBucket } from "./bucket.ts";
import { openChangeJournal } from "./change-journal.ts";
import { toProject } from "./change-queue.ts";
import { createReadThrough } from "./read-through.ts";
import { createUpstreamStore, writeChange } from "./upstream-store.ts";
import type { WaitingChanges } from "./waiting-changes.ts";
import { createWriteBehind } from "./write-behind.ts";

/** What is counted: objects that were looked up in the upstream, and changes of objects. */
export type UpstreamOutcome = "hit" | "miss" | "written" | "dropped";

export interface UpstreamMetrics {
  count(outcome: UpstreamOutcome): void;
  setWaiting(waiting: WaitingChanges): void;
}

export interface OpenUpstreamOptions {
  readonly store: ObjectStore;
  /** The directory of the store, which has the changes that wait. */
  readonly root: string;
  readonly bucket: UpstreamBucket;
  readonly metrics: UpstreamMetrics;
  readonly logger: Logger;
  /** See `createReadThrough` and `createWriteBehind`. */
  readonly limits?: Partial<
    Record<"answerMs" | "pauseMs" | "retryMs" | "mostRetryMs" | "drainMs" | "stallMs", number>
  >;
}

/** Puts an upstream behind a store, which it closes. */
export function openUpstream(options: OpenUpstreamOptions): ObjectStore {
  const { store, root, bucket, metrics, logger, limits } = options;
  const { count } = metrics;
  const journal = openChangeJournal({
    path: join(root, "upstream-changes"),
    onFault: (error) =>
      logger.warn(
        `changes that wait for cache-upstream cannot be kept, a crash would lose them: ${toMessage(error)}`,
      ),
  });
  const behind = createWriteBehind({
    write: (key, kind, signal) =>
      writeChange(toName(key), kind, { store, bucket, stallMs: limits?.stallMs }, signal),
    journal,
    count,
    onWaiting: metrics.setWaiting,
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

function toName(key: string): ObjectName {
  return { project: toProject(key), key };
}
