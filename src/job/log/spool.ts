import type { JobEvent } from "../../core/contracts/job-events.ts";
import type { RecoveredSpool } from "./spool-recovery.ts";
import { AgentError, toMessage } from "../../core/errors.ts";
import { createEncoder } from "./event-lines.ts";
import { openSpoolFile } from "./spool-file.ts";
import { openSpool, type SpoolSource } from "./spool-reader.ts";
import type { SpoolCursor, SpoolReader } from "../../core/contracts/spool.ts";

export interface SpoolOptions {
  /** Output that would make the file larger is dropped (`log-disk-limit`). Structural events are always written. */
  readonly diskLimitBytes: number;
  /** How often what was written is synchronised, in milliseconds. Default: 1000. 0: only by `sync`. */
  readonly fsyncIntervalMs?: number;
  /** Goes on with a spool whose writer is dead, as `recoverSpool` left it. */
  readonly recovered?: RecoveredSpool;
  /** For the agent's log: called once when the limit is reached, when the disk takes no more, and when another process changed the file. */
  readonly onWarning?: (message: string) => void;
}

/** What this writer did; `events` and `bytes` are those of the whole file. Output is counted in bytes of its text. */
export interface SpoolStats {
  readonly events: number;
  readonly bytes: number;
  readonly outputBytes: number;
  readonly droppedBytes: number;
  readonly droppedEvents: number;
  /** CRC-32 of the whole file. */
  readonly checksum: number;
}

/** The one writer of a job's log on disk: compact NDJSON (protocol section 5.1). */
export interface Spool extends SpoolSource, Disposable {
  readonly path: string;
  readonly stats: SpoolStats;
  /**
   * Synchronous: when it returns, the file has the event. Output that cannot be written is dropped, counted, and said in the
   * log; any other event is kept and tried again before whatever comes next, so that the log stays paired.
   */
  append(event: JobEvent): void;
  /** A reader in this process. */
  reader(cursor?: SpoolCursor): SpoolReader;
  /** All on the disk when it returns. Throws `SPOOL_FAILED` when the disk does not take it; what is owed is tried again later. */
  sync(): void;
  /**
   * Synchronises (unless `fsyncIntervalMs` is 0) and closes. Throws `SPOOL_FAILED` when the disk did not take all structural
   * events. Twice is once.
   */
  close(): void;
}

/** Opens the spool of a new job; a file that is already there is refused. Throws `SPOOL_FAILED`. */
export function createSpool(path: string, options: SpoolOptions): Spool {
  const { diskLimitBytes, recovered, fsyncIntervalMs = 1000, onWarning = () => {} } = options;
  const warned = new Set<string>();
  const file = openSpoolFile(path, {
    fsyncIntervalMs,
    onSyncFailed: (error) => warnOnce("sync", error.message),
    onChanged: (error) => warnOnce("changed", error.message),
    ...(recovered && { resumeAt: recovered }),
  });
  const encode = createEncoder();
  const listeners = new Set<() => void>();
  /** Structural events that the disk has not taken yet, each with the count of output dropped just before it. */
  let fault = "";
  const owed: { event: JobEvent; dropped: number }[] = [];
  let events = recovered?.events ?? 0;
  let outputBytes = 0;
  let droppedBytes = 0;
  let droppedEvents = 0;
  /** Dropped, and not yet said in the log. */
  let unsaid = 0;
  let limited = false;
  let atLineStart = recovered?.openCommand?.atLineStart ?? true;
  let closed = false;

  function appendOutput(event: JobOutputEvent): void {
    const bytes = Buffer.byteLength(event.output);
    if (!limited && settle()) {
      // In one line with what is written again: where that does not fit, a notice alone would only fill the disk.
      const whole = unsaid === 0 ? event : { ...event, output: toNotice(droppedText(unsaid)) + event.output };
      const line = encode(whole);
      if (file.bytes + line.length > diskLimitBytes - noticeBytes) reachLimit(event.timestamp);
      else if (write(whole, line)) {
        outputBytes += bytes;
        unsaid = 0;
        return;
      }
    }
    droppedBytes += bytes;
    droppedEvents += 1;
    unsaid += bytes;
  }

  /** Writes what is owed. Answers whether nothing is left. */
  function settle(): boolean {
    for (let next = owed[0]; next; next = owed[0]) {
      if (next.dropped > 0 && !say(droppedText(next.dropped), next.event.timestamp)) return false;
      next.dropped = 0;
      if (!write(next.event)) return false;
      owed.shift();
    }
    return true;
  }

  function assertSettled(): void {
    if (settle()) return;
    throw new AgentError(
      "SPOOL_FAILED",
      `the job's log lacks ${owed.length} events: the disk did not take them: ${fault}`,
    );
  }

  function reachLimit(timestamp: number): void {
    limited = true;
    const what = `reached log-disk-limit (${diskLimitBytes} bytes); further output is dropped`;
    warnOnce("limit", `the job's log "${path}" ${what}`);
    say(`the log ${what}`, timestamp);
  }

  /** What does not fit below the limit is not said, and that is no failure. */
  function say(text: string, timestamp: number): boolean {
    const event = { event: "cmd_output", timestamp, output: toNotice(text) } as const;
    const line = encode(event);
    return file.bytes + line.length > diskLimitBytes || write(event, line);
  }

  function toNotice(text: string): string {
    return `${atLineStart ? "" : "\n"}[signalman: ${text}]\n`;
  }

  function write(event: JobEvent, line = encode(event)): boolean {
    try {
      file.append(line);
    } catch (error) {
      fault = toMessage(error);
      warnOnce("write", fault);
      return false;
    }
    events += 1;
    atLineStart = event.event !== "cmd_output" || event.output.endsWith("\n");
    return true;
  }

  function warnOnce(kind: string, message: string): void {
    if (warned.has(kind)) return;
    warned.add(kind);
    onWarning(message);
  }

  function wake(): void {
    for (const listener of listeners) listener();
  }

  const spool: Spool = {
    path,
    get closed() {
      return closed;
    },
    get stats() {
      const { bytes, checksum } = file;
      return { events, bytes, checksum, outputBytes, droppedBytes, droppedEvents };
    },
    append(event) {
      if (closed) throw new AgentError("SPOOL_FAILED", `the job's log "${path}" is closed`);
      if (event.event === "cmd_output") appendOutput(event);
      else {
        const dropped = event.event === "cmd_finished" ? unsaid : 0;
        unsaid -= dropped;
        owed.push({ event, dropped });
        settle();
      }
      wake();
    },
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    reader: (cursor) => openSpool(path, { source: spool, ...(cursor && { cursor }) }),
    sync() {
      assertSettled();
      file.sync();
    },
    close() {
      if (closed) return;
      try {
        assertSettled();
      } finally {
        closed = true;
        try {
          file.close();
        } finally {
          wake();
        }
      }
    },
    [Symbol.dispose]: () => spool.close(),
  };
  return spool;
}

type JobOutputEvent = Extract<JobEvent, { event: "cmd_output" }>;

function droppedText(bytes: number): string {
  return `${bytes} bytes of output were dropped`;
}

/** Room below the limit for what is said about dropped output. */
const noticeBytes = 4096;
