import type { JobRequest } from "./job-request.ts";
import type { Logger } from "./logger.ts";
import type { SpoolCursor, SpoolReader } from "./spool.ts";

/** What a log backend receives for one job. */
export interface LogBackendContext {
  readonly job: JobRequest;
  readonly logger: Logger;
  /** A reader at the last saved cursor: at the start of a new job, further on after the agent was restarted. */
  readonly spool: SpoolReader;
  /**
   * Opens a further reader of the same spool, for backends whose clients read at positions of their own. The
   * caller disposes it.
   */
  openReader(): SpoolReader;
  /** Stores the cursor durably. Called after each delivery, never before it. */
  saveCursor(cursor: SpoolCursor): void;
  /** Trusted certificates (PEM), including the default ones. Left out: the default ones. */
  readonly ca?: readonly string[];
  /** Asks the job's source for a new token of the log server; rejects when it issues none. */
  refreshToken(): Promise<string>;
}

/** How much of a job's log was delivered. */
export interface LogDelivery {
  /** Whether the server refused to store more of the log. */
  readonly trimmed: boolean;
  /** Number of events that the server does not have, or has only in part. An interrupted delivery counts as missing. */
  readonly undelivered: number;
}

/**
 * Delivers the spool of one job.
 *
 * 1. **`run`** reads the spool from its cursor to its end (`reader.next()` resolves to `undefined` once the
 *    writer has closed it and everything is read), delivers each event once and in order, and saves the
 *    cursor after each delivery. It retries what can recover for as long as `signal` allows, and resolves to
 *    the outcome; it does not reject for the server's errors. When the server accepts no more, it still reads
 *    to the end and counts. Called once.
 * 2. `signal` aborts when time is over (`log-flush-timeout`, or the job was taken away): `run` resolves soon
 *    and reports what was not delivered.
 * 3. **Disposal** closes connections, and returns when `run` no longer uses the spool. Safe without `run`,
 *    during it, and twice.
 */
export interface LogBackend extends AsyncDisposable {
  run(signal: AbortSignal): Promise<LogDelivery>;
}

/** Opens the delivery of one job's log. */
export interface LogBackendFactory {
  open(context: LogBackendContext): LogBackend;
}
