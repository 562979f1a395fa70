import { setTimeout as sleep } from "node:timers/promises";
import {
  countUndelivered,
  definePlugin,
  type LogBackend,
  logBackend,
  type LogBackendContext,
  toMessage,
  v,
} from "signalman";

/** Uploads logs as gzipped NDJSON, in objects that are named after their first event: `<url>/<job>/<event>.gz`. */
export default definePlugin({
  name: "gzip-logs",
  description: "uploads job logs as gzipped objects",
  runsIn: ["agent"],
  config: v.strictObject({ url: v.pipe(v.string(), v.url(), v.description("Where objects are put")) }),
  setup(ctx, { url }) {
    // The method of Semaphore's requests: log-methods: { push: gzip }
    ctx.provide(logBackend, "gzip", { open: (context) => openGzipLog(url, context) });
  },
});

export function openGzipLog(url: string, { job, logger, spool, saveCursor }: LogBackendContext): LogBackend {
  const disposed = new AbortController();
  return {
    async run(timeIsOver) {
      const signal = AbortSignal.any([timeIsOver, disposed.signal]);
      // A slow log is collected for two seconds, so that there are few objects.
      const size = { lingerMs: 2000, minBytes: 256 * 1024, signal };
      let delivered = spool.cursor;
      let isAccepted = true;
      try {
        for (let batch = await spool.next(size); batch && isAccepted; batch = await spool.next(size)) {
          isAccepted = await put(
            `${url}/${job.id}/${batch.start.event}.gz`,
            Bun.gzipSync(new Uint8Array(batch.lines)),
          );
          if (isAccepted) saveCursor((delivered = batch.end));
          else break;
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      }
      spool.seek(delivered);
      return { trimmed: !isAccepted, undelivered: await countUndelivered(spool) };

      /** Repeats what can recover. Resolves to `false` when the server accepts no more. */
      async function put(target: string, body: Uint8Array<ArrayBuffer>): Promise<boolean> {
        for (let pauseMs = 100; ; pauseMs = Math.min(pauseMs * 2, 30_000)) {
          const answer = await fetch(target, { method: "PUT", body, signal }).catch(toMessage);
          signal.throwIfAborted();
          if (typeof answer !== "string" && answer.ok) return true;
          if (typeof answer !== "string" && answer.status === 413) return false;
          const fault = typeof answer === "string" ? answer : `status ${answer.status}`;
          logger.warn(`a part of the log was not uploaded, and is sent again: ${fault}`, { job: job.id });
          await sleep(pauseMs, undefined, { signal });
        }
      }
    },
    [Symbol.asyncDispose]: async () => disposed.abort(),
  };
}
