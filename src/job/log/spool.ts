import type { JobEvent } from "../../core/contracts/job-events.ts";
import type { SpoolCursor, SpoolReader } from "../../core/contracts/spool.ts";
import { AgentError, toMessage } from "../../core/errors.ts";
import { addDropped, describeDropped, type DroppedOutput, toNotice } from "./dropped-output.ts";
import { createEncoder } from "./events.ts";
import { countTextBytes, endsWithLineFeed, toValidText } from "./output-text.ts";
import { openSpoolFile, type SpoolExtent, type SpoolFile } from "./spool-file.ts";
import { openSpool } from "./spool-reader.ts";
import type { SpoolSource } from "./spool-source.ts";

export interface SpoolOptions {
  /** Maximum size of the file in bytes (`log-disk-limit`). Further output is dropped, other events are written. */
  readonly diskLimitBytes: number;
  /** Milliseconds between two synchronisations with the disk. Default: 1000. 0: only by `sync`. */
  readonly fsyncIntervalMs?: number;
  /** Called once each when the limit is reached, the disk refuses a write, or another process changed the file. */
  readonly onWarning?: (message: string) => void;
  /** What a dead process of the job has left in the file, which is continued. */
  readonly left?: LeftSpool | undefined;
}

/** A spool whose writer has died, after its recovery. */
export interface LeftSpool extends SpoolExtent {
  readonly events: number;
  readonly atLineStart: boolean;
}

/** Counts of a spool. Output that was dropped is counted in bytes of its text. */
export interface SpoolStats {
  readonly events: number;
  readonly bytes: number;
  readonly droppedBytes: number;
  /** CRC-32 of the whole file. */
  readonly checksum: number;
}

/** The only writer of a job's log on disk: compact NDJSON (protocol section 5.1). */
export interface Spool extends SpoolSource, Disposable {
  readonly path: string;
  readonly stats: SpoolStats;
  /**
   * Synchronous: when it returns, the event is in the file. Output that cannot be written is dropped, counted
   * and reported in the log; any other event is kept and written again before the next one, so that started
   * and finished commands stay paired.
   */
  append(event: JobEvent): void;
  /** As `append` of a `cmd_output`. The text may have `\r\n` and invalid bytes, which the log does not have. */
  appendOutput(timestamp: number, text: Uint8Array): void;
  /** Describes how another process changed the file: place, size, and bytes if there are at most `maxBytes`. */
  findChange(maxBytes: number): string | undefined;
  /** Opens a reader in this process. */
  reader(cursor?: SpoolCursor): SpoolReader;
  /** Synchronises. Throws `SPOOL_FAILED` when the disk refuses; pending events are written later. */
  sync(): void;
  /** Synchronises (unless `fsyncIntervalMs` is 0) and closes. Throws `SPOOL_FAILED` when structural events are lost. */
  close(): void;
}

/** Creates the spool of a new job; an existing file is refused, or continued with `left`. Throws `SPOOL_FAILED`. */
export function createSpool(path: string, options: SpoolOptions): Spool {
  return new FileSpool(path, options);
}

class FileSpool implements Spool {
  readonly path: string;
  readonly #file: SpoolFile;
  readonly #diskLimitBytes: number;
  readonly #onWarning: (message: string) => void;
  readonly #encoder = createEncoder();
  readonly #listeners = new Set<() => void>();
  readonly #warned = new Set<string>();
  /** Structural events that the disk has not accepted yet, each with the output that was dropped before it. */
  readonly #pending: { event: JobEvent; dropped: DroppedOutput | undefined }[] = [];
  /** The last failure of a write for the agent's log, and its cause without the path of the file for the job's. */
  #fault = { message: "", reason: "" };
  #events = 0;
  #droppedBytes = 0;
  /** Dropped output that the log does not report yet. */
  #unreported: DroppedOutput | undefined;
  #isLimited = false;
  #atLineStart = true;
  #isClosed = false;

  constructor(path: string, options: SpoolOptions) {
    const { fsyncIntervalMs = 1000, left } = options;
    this.path = path;
    this.#diskLimitBytes = options.diskLimitBytes;
    this.#onWarning = options.onWarning ?? (() => {});
    this.#events = left?.events ?? 0;
    this.#atLineStart = left?.atLineStart ?? true;
    this.#file = openSpoolFile(path, {
      fsyncIntervalMs,
      ...(left && { resumeAt: left }),
      onSyncFailed: (error) => this.#warnOnce("sync", error.message),
      onChanged: (error) => this.#warnOnce("changed", error.message),
    });
  }

  get closed(): boolean {
    return this.#isClosed;
  }

  get stats(): SpoolStats {
    return {
      events: this.#events,
      bytes: this.#file.bytes,
      checksum: this.#file.checksum,
      droppedBytes: this.#droppedBytes,
    };
  }

  append(event: JobEvent): void {
    if (event.event === "cmd_output") return this.appendOutput(event.timestamp, Buffer.from(event.output));
    this.#assertOpen();
    const dropped = event.event === "cmd_finished" ? this.#unreported : undefined;
    if (dropped) this.#unreported = undefined;
    this.#pending.push({ event, dropped });
    this.#writePending();
    this.#wake();
  }

  appendOutput(timestamp: number, text: Uint8Array): void {
    this.#assertOpen();
    if (!this.#writeOutput(timestamp, text)) {
      const bytes = countTextBytes(toValidText(text));
      const reason = this.#isLimited ? limitName : this.#fault.reason;
      this.#droppedBytes += bytes;
      this.#unreported = addDropped(this.#unreported, bytes, reason);
    }
    this.#wake();
  }

  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  reader(cursor?: SpoolCursor): SpoolReader {
    return openSpool(this.path, { source: this, ...(cursor && { cursor }) });
  }

  findChange(maxBytes: number): string | undefined {
    return this.#file.findChange(maxBytes);
  }

  sync(): void {
    this.#assertNonePending();
    this.#file.sync();
  }

  close(): void {
    if (this.#isClosed) return;
    try {
      this.#assertNonePending();
    } finally {
      this.#isClosed = true;
      try {
        this.#file.close();
      } finally {
        this.#wake();
      }
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new AgentError("SPOOL_FAILED", `the job's log "${this.path}" is closed`);
  }

  /** Returns whether the output is in the file. */
  #writeOutput(timestamp: number, text: Uint8Array): boolean {
    if (this.#isLimited || !this.#writePending()) return false;
    // On one line with the output: where that does not fit, a notice alone would only fill the disk.
    const notice = this.#unreported && toNotice(describeDropped(this.#unreported), this.#atLineStart);
    const whole = notice ? Buffer.concat([notice, text]) : text;
    const line = this.#encoder.output(timestamp, whole);
    if (this.#file.bytes + line.length > this.#diskLimitBytes - noticeBytes) {
      this.#reachLimit(timestamp);
      return false;
    }
    if (!this.#write(line, endsWithLineFeed(whole))) return false;
    this.#unreported = undefined;
    return true;
  }

  /** Writes the pending events. Returns whether none is left. */
  #writePending(): boolean {
    for (let next = this.#pending[0]; next; next = this.#pending[0]) {
      if (next.dropped && !this.#report(describeDropped(next.dropped), next.event.timestamp)) return false;
      next.dropped = undefined;
      if (!this.#write(this.#encoder.event(next.event))) return false;
      this.#pending.shift();
    }
    return true;
  }

  #assertNonePending(): void {
    if (this.#writePending()) return;
    throw new AgentError(
      "SPOOL_FAILED",
      `the job's log lacks ${this.#pending.length} events that the disk did not accept: ${this.#fault.message}`,
    );
  }

  #reachLimit(timestamp: number): void {
    this.#isLimited = true;
    const what = `reached ${limitName} (${this.#diskLimitBytes} bytes); further output is dropped`;
    this.#warnOnce("limit", `the job's log "${this.path}" ${what}`);
    this.#report(`the log ${what}`, timestamp);
  }

  /** Adds a notice to the log. A notice that does not fit below the limit is left out, which is no failure. */
  #report(text: string, timestamp: number): boolean {
    const line = this.#encoder.output(timestamp, toNotice(text, this.#atLineStart));
    return this.#file.bytes + line.length > this.#diskLimitBytes || this.#write(line);
  }

  #write(line: Uint8Array, atLineStart = true): boolean {
    try {
      this.#file.append(line);
    } catch (error) {
      const reason = toMessage(error instanceof AgentError ? (error.cause ?? error) : error);
      this.#fault = { message: toMessage(error), reason };
      this.#warnOnce("write", this.#fault.message);
      return false;
    }
    this.#events += 1;
    this.#atLineStart = atLineStart;
    return true;
  }

  #warnOnce(kind: string, message: string): void {
    if (this.#warned.has(kind)) return;
    this.#warned.add(kind);
    this.#onWarning(message);
  }

  #wake(): void {
    for (const listener of this.#listeners) listener();
  }
}

const limitName = "log-disk-limit";

/** Space below the limit that is reserved for notices about dropped output. */
const noticeBytes = 4096;
