import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { JobEvent } from "../core/contracts/job-events.ts";
import type { SpoolReader } from "../core/contracts/spool.ts";
import { AgentError } from "../core/errors.ts";
import { toHint } from "../core/text/nearest.ts";
import { parseEvent } from "../job/log/parse-event.ts";
import { openSpool } from "../job/log/spool-reader.ts";
import { toMismatch } from "../job/log/spool-file.ts";
import { jobFiles } from "../job/state/job-files.ts";
import { findEntry } from "../os/state/file.ts";
import { findJobPlace, type JobPlace, listJobs } from "./kept-logs.ts";
import { isAwaited, type JobLogEnd, watchLog } from "./log-watch.ts";

/**
 * Reads a job's log from its beginning to its end, while the job runs or after, in any process. It reads
 * files only, so that readers do not delay the job, and continues when the agent or the job's process dies.
 * Iteration yields the events; lines that are no events are left out, since a job can write to its own log.
 */
export interface JobLogReader extends SpoolReader, AsyncIterable<JobEvent> {
  /** Why the log has ended. `undefined` until `next` has resolved to `undefined`. */
  readonly end: JobLogEnd | undefined;
}

/** Where a job's log is, and how long the reader waits. */
export interface OpenJobLogOptions {
  readonly stateDirectory: string;
  /** Milliseconds that an agent has to return and close the log of a dead process. Default: 10,000. */
  readonly claimMs?: number;
  /** Ends the opening and the iteration. */
  readonly signal?: AbortSignal;
}

/**
 * Opens the log of a job on this host; waits for it while the job starts. Throws `SPOOL_FAILED` when there is
 * none.
 */
export async function openJobLog(jobId: string, options: OpenJobLogOptions): Promise<JobLogReader> {
  const { stateDirectory, signal } = options;
  for (;;) {
    signal?.throwIfAborted();
    const place = findJobPlace(jobId, options);
    if (place && findEntry(join(place.directory, jobFiles.spool))) return openLog(place, options);
    if (!place || !isAwaited(place)) {
      const known = listJobs(options).map(({ id }) => id);
      const where = `the state directory "${stateDirectory}"`;
      throw new AgentError("SPOOL_FAILED", `no log of a job "${jobId}" in ${where}${toHint(jobId, known)}`);
    }
    await sleep(startMs, undefined, { signal });
  }
}

/** Milliseconds between two looks for the log of a job that starts. */
const startMs = 50;

function openLog(place: JobPlace, { claimMs = 10_000, signal }: OpenJobLogOptions): JobLogReader {
  const path = join(place.directory, jobFiles.spool);
  const toIdentity = () => {
    const entry = findEntry(path);
    return entry && `${entry.dev}:${entry.ino}`;
  };
  const own = toIdentity();
  const source = watchLog(place, { claimMs, isInPlace: () => toIdentity() === own });
  let reader: SpoolReader;
  try {
    reader = openSpool(path, { source });
  } catch (error) {
    source[Symbol.dispose]();
    throw error;
  }
  let end: JobLogEnd | undefined;
  const next: SpoolReader["next"] = async (options) => {
    const batch = await reader.next(options);
    if (!batch && source.end) end ??= withChange(source.end, reader);
    return batch;
  };
  return {
    next,
    get cursor() {
      return reader.cursor;
    },
    get checksum() {
      return reader.checksum;
    },
    get end() {
      return end;
    },
    peek: (at, options) => reader.peek(at, options),
    seek: (cursor) => reader.seek(cursor),
    countRest: () => reader.countRest(),
    async *[Symbol.asyncIterator]() {
      const options = signal ? { signal } : {};
      for (let batch = await next(options); batch; batch = await next(options)) yield* toEvents(batch.lines);
    },
    [Symbol.dispose]() {
      reader[Symbol.dispose]();
      source[Symbol.dispose]();
    },
  };
}

function withChange(end: JobLogEnd, { cursor, checksum }: SpoolReader): JobLogEnd {
  if (end.reason !== "finished") return end;
  const change = toMismatch({ bytes: cursor.offset, checksum }, end.summary.log);
  return change === undefined ? end : { ...end, change };
}

function toEvents(lines: Uint8Array): JobEvent[] {
  return new TextDecoder()
    .decode(lines)
    .split("\n")
    .flatMap((line) => parseEvent(line) ?? []);
}
