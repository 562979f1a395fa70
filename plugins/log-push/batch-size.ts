import type { SpoolBatch } from "signalman";
import { type BatchLimits, countEvents } from "./outbox.ts";

/**
 * The limits of the next request: the configured ones, or lower ones after the server rejected a batch as too
 * large.
 */
export interface BatchSize {
  readonly limits: BatchLimits;
  /** Lowers the limits so that this batch exceeds them. A batch with one event changes nothing. */
  shrink(batch: SpoolBatch): void;
  /** Counts a delivery; after 16 of them lowered limits are doubled. */
  delivered(): void;
}

export function createBatchSize(most: BatchLimits): BatchSize {
  let share = 1;
  let deliveries = 0;
  const toLimits = (): BatchLimits => ({
    maxEvents: Math.max(1, Math.floor(most.maxEvents * share)),
    maxBytes: Math.max(1, Math.floor(most.maxBytes * share)),
  });
  return {
    get limits() {
      return toLimits();
    },
    shrink(batch) {
      deliveries = 0;
      const events = countEvents(batch);
      if (events === 1) return;
      do share /= 2;
      while (events <= toLimits().maxEvents && batch.lines.length <= toLimits().maxBytes);
    },
    delivered() {
      if (share === 1) return;
      deliveries += 1;
      if (deliveries < deliveriesToGrow) return;
      deliveries = 0;
      share *= 2;
    },
  };
}

const deliveriesToGrow = 16;
