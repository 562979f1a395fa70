import type { JobRequest } from "../job/request.ts";
import type { Logger } from "../logger/logger.ts";
import type { SpoolCursor, SpoolReader } from "./spool-reader.ts";

export interface LogBackendContext {
  readonly job: JobRequest;
  readonly logger: Logger;
  /** Stands where `saveCursor` last put it: at the start of a new job, further on after the agent was restarted. */
  readonly spool: SpoolReader;
  /** Keeps the place durably. Called after each delivery, never before it. */
  saveCursor(cursor: SpoolCursor): void;
  /** Certificates (PEM) to trust, the usual ones among them. Left out: the usual ones. */
  readonly ca?: readonly string[];
  /** Asks the job's source for a new token of the log server; rejects when it has none to give. */
  refreshToken(): Promise<string>;
}

/**
 * What became of a log. `trimmed`: the other side took no more. `undelivered`: events that it does not have, or not whole; one
 * whose delivery was cut short counts, though the other side may have it.
 */
export interface LogDelivery {
  readonly trimmed: boolean;
  readonly undelivered: number;
}

/**
 * Brings one job's spool somewhere.
 *
 * 1. **`run`** reads the spool from its cursor to its end (`reader.next()` is `undefined` once the writer has closed it and
 *    all is read), delivers events once and in order, and saves the cursor after each delivery. It retries what can heal,
 *    for as long as `signal` lets it, and resolves with what became of the log; it does not reject for a server's sake. When the
 *    other side takes no more, it still reads to the end, and counts. Called once.
 * 2. `signal` aborts when time is over (`log-flush-timeout`, or the job was taken away): `run` resolves soon, and says what
 *    was not delivered.
 * 3. **Disposal** closes connections, and returns when `run` no longer uses the spool. Safe without `run`, during it, and twice.
 */
export interface LogBackend extends AsyncDisposable {
  run(signal: AbortSignal): Promise<LogDelivery>;
}
