import type { LogBackend, LogBackendContext, LogBackendFactory } from "../core/contracts/log-backend.ts";
import type { JobEvent } from "../core/contracts/job-events.ts";
import { countUndelivered } from "../job/log/count-undelivered.ts";
import type { SpoolBatch } from "../core/contracts/spool.ts";
import { toEvents } from "./job-spool.ts";

/** A log backend that delivers into memory. */
export interface DummyLogBackend extends LogBackendFactory {
  /** The delivered events of all jobs. */
  readonly received: readonly JobEvent[];
  /** Makes the next deliveries fail; each is retried. */
  fail(times: number): void;
  /** Accepts no more events from now on, like a server whose limit is reached. */
  refuse(): void;
}

/** Creates a log backend that delivers into memory. */
export function createDummyLogBackend(): DummyLogBackend {
  const received: JobEvent[] = [];
  let failures = 0;
  let refuses = false;

  /** Returns whether the batch was accepted. */
  const deliver = async (batch: SpoolBatch): Promise<boolean> => {
    if (refuses) return false;
    for (; failures > 0; failures -= 1) await Bun.sleep(1);
    received.push(...toEvents(batch.lines));
    return true;
  };

  const open = ({ spool, saveCursor }: LogBackendContext): LogBackend => {
    const disposed = new AbortController();
    return {
      async run(aborted) {
        const signal = AbortSignal.any([aborted, disposed.signal]);
        let undelivered = 0;
        try {
          for (let batch = await spool.next({ signal }); batch; batch = await spool.next({ signal })) {
            if (undelivered === 0 && (await deliver(batch))) saveCursor(batch.end);
            else undelivered += batch.end.event - batch.start.event;
          }
        } catch (error) {
          if (!signal.aborted) throw error;
        }
        const trimmed = undelivered > 0;
        return { trimmed, undelivered: undelivered + (await countUndelivered(spool)) };
      },
      async [Symbol.asyncDispose]() {
        disposed.abort();
      },
    };
  };

  return {
    received,
    fail: (times) => void (failures = times),
    refuse: () => void (refuses = true),
    open,
  };
}
