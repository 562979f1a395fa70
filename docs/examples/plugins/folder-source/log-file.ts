import { open } from "node:fs/promises";
import { countUndelivered, type LogBackend, type LogBackendContext } from "signalman";

/**
 * Copies a job's log into a file. Each batch is written at its own offset, so that a repeated delivery
 * changes nothing.
 */
export function openLogFile(path: string, { spool, saveCursor }: LogBackendContext): LogBackend {
  const disposed = new AbortController();
  return {
    async run(timeIsOver) {
      const signal = AbortSignal.any([timeIsOver, disposed.signal]);
      try {
        await using file = await open(path, spool.cursor.offset === 0 ? "w" : "r+");
        for (let batch = await spool.next({ signal }); batch; batch = await spool.next({ signal })) {
          await file.write(batch.lines, 0, batch.lines.length, batch.start.offset);
          saveCursor(batch.end);
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      }
      return { trimmed: false, undelivered: await countUndelivered(spool) };
    },
    async [Symbol.asyncDispose]() {
      disposed.abort();
    },
  };
}
