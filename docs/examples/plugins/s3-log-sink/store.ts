import { setTimeout as sleep } from "node:timers/promises";
import { type LogSinkContext, onAbort, type SpoolReader, toMessage } from "signalman";
import type { S3Config } from "./config.ts";

export interface Store {
  /** Reads a job's log to its end and stores it. Rejects when the log could not be stored. */
  storeLog(context: LogSinkContext, signal: AbortSignal): Promise<void>;
}

/** The smallest part that S3 accepts; one part of a log is held in memory. */
const partSize = 5 * 1024 * 1024;
const maxPauseMs = 30_000;

/** Permanent errors: a retry would only delay the job's result. */
const permanent = new Set([
  "AccessDenied",
  "AuthorizationHeaderMalformed",
  "ExpiredToken",
  "InvalidAccessKeyId",
  "InvalidBucketName",
  "InvalidToken",
  "NoSuchBucket",
  "SignatureDoesNotMatch",
]);

export function createStore(options: S3Config): Store {
  const { bucket, endpoint, region, gzip } = options;
  const sessionToken = options["session-token"];
  const client = new Bun.S3Client({
    bucket,
    region,
    accessKeyId: options["access-key-id"],
    secretAccessKey: options["secret-access-key"],
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(sessionToken === undefined ? {} : { sessionToken }),
  });

  /** Uploads the log in parts while the job writes it. The object appears complete or not at all. */
  async function upload(spool: SpoolReader, key: string, signal: AbortSignal): Promise<void> {
    const lines = toStream(spool, signal);
    const body = gzip ? lines.pipeThrough(new CompressionStream("gzip")) : lines;
    const type = gzip ? "application/gzip" : "application/x-ndjson";
    await unlessAborted(client.write(key, new Response(body), { type, partSize, queueSize: 1 }), signal);
  }

  return {
    async storeLog({ job, spool, logger }, signal) {
      const key = toKey(options, job.id);
      for (let attempt = 1; ; attempt += 1) {
        const over = new AbortController();
        try {
          await upload(spool, key, AbortSignal.any([signal, over.signal]));
          logger.info("stored the job's log", { job: job.id, bucket, key });
          return;
        } catch (error) {
          const fault = toFault(error);
          // A failed attempt must not continue to read.
          over.abort(new Error("the attempt has failed"));
          if (signal.aborted || permanent.has(fault.code)) {
            const what = `the log of job ${job.id} could not be stored in the bucket "${bucket}"`;
            throw new Error(`${what}: ${fault.message} (\`signalman logs ${job.id}\` shows it)`, {
              cause: error,
            });
          }
          logger.warn(`the job's log could not be stored, retrying: ${fault.message}`, {
            job: job.id,
            bucket,
            attempt,
          });
          const pause = options["retry-delay"] * 1000 * 2 ** (attempt - 1);
          await sleep(Math.min(pause, maxPauseMs), undefined, { signal }).catch(() => {});
          spool.seek({ event: 0, offset: 0 });
        }
      }
    },
  };
}

export function toKey({ prefix, gzip }: Pick<S3Config, "prefix" | "gzip">, jobId: string): string {
  const folder = prefix.replaceAll(/^\/+|\/+$/g, "");
  const name = `${jobId.replaceAll(/[^\w.-]/g, "_")}.ndjson${gzip ? ".gz" : ""}`;
  return folder === "" ? name : `${folder}/${name}`;
}

/** Streams the lines of a spool without reading ahead. */
function toStream(spool: SpoolReader, signal: AbortSignal): ReadableStream<NodeJS.BufferSource> {
  return new ReadableStream<NodeJS.BufferSource>(
    {
      async pull(controller) {
        const batch = await spool.next({ signal });
        if (batch) controller.enqueue(new Uint8Array(batch.lines));
        else controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

/** Waits for the work. Rejects with the signal's reason as soon as it aborts. */
async function unlessAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  using _listener = onAbort(signal, () => aborted.reject(signal.reason));
  try {
    await Promise.race([work, aborted.promise]);
  } finally {
    work.catch(() => {});
  }
}

function toFault(error: unknown): { code: string; message: string } {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return { code, message: code === "" ? toMessage(error) : `${toMessage(error)} (${code})` };
}
