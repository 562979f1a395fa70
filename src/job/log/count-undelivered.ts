import { setImmediate as nextTurn } from "node:timers/promises";
import type { SpoolReader } from "../../core/contracts/spool.ts";

/**
 * How many events the spool holds that this reader has not read; it reads them, and waits for no more. For a log backend
 * whose time is over, which says what it did not deliver.
 */
export async function countRest(spool: SpoolReader): Promise<number> {
  const from = spool.cursor.event;
  for (;;) {
    // What is there is read before `next` waits, and only the waiting is cut short.
    const now = new AbortController();
    const next = spool.next({ signal: now.signal });
    now.abort();
    try {
      if ((await next) === undefined) break;
      // A gigabyte takes a second, in which others have work to do.
      await nextTurn();
    } catch (error) {
      if (error !== now.signal.reason) throw error;
      break;
    }
  }
  return spool.cursor.event - from;
}
