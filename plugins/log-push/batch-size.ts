import type { SpoolBatch } from "signalman";
import { type BatchLimits, countEvents } from "./outbox.ts";

/** How much goes into one request: as much as is allowed, less after it proved to be too much. */
export interface BatchSize {
  readonly limits: BatchLimits;
  /** Makes the next batch smaller than this one, as long as that has more than one event. */
  shrink(batch: SpoolBatch): void;
  /** Grows again, slowly. */
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
