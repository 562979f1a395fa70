import { setImmediate as nextTurn } from "node:timers/promises";
import type { SpoolReader } from "../../core/contracts/spool.ts";

/**
 * Counts the events in the spool that this reader has not read, by reading them; it does not wait for more.
 * For a log backend whose time is over, which reports what it did not deliver.
 */
export async function countUndelivered(spool: SpoolReader): Promise<number> {
  const from = spool.cursor.event;
  for (;;) {
    // `next` reads what is stored before it waits; only the waiting is cut short.
    const now = new AbortController();
    const next = spool.next({ signal: now.signal });
    now.abort();
    try {
      if ((await next) === undefined) break;
      // A gigabyte takes a second, in which other tasks must run.
      await nextTurn();
    } catch (error) {
      if (error !== now.signal.reason) throw error;
      break;
    }
  }
  return spool.cursor.event - from;
}
