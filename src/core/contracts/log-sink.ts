import type { JobRequest } from "./job-request.ts";
import type { Logger } from "./logger.ts";
import type { SpoolReader } from "./spool.ts";

/** What a log sink receives for one job. */
export interface LogSinkContext {
  readonly job: JobRequest;
  readonly logger: Logger;
  /** The sink's own reader, at the first event. A slow sink delays neither the job nor other readers. */
  readonly spool: SpoolReader;
  /** The agent's slot that runs the job, from 0. */
  readonly slot: number;
  /** Opens a further reader at the first event, which may outlive `run`. The caller disposes it. */
  openReader(): SpoolReader;
}

/**
 * A mirror of one job's log. **`run`** reads its own `spool` to the end at its own pace; what it throws is
 * logged and does not affect the job. After the end of the job it has 5 s to finish, then `signal` aborts.
 */
export interface LogSink {
  run(signal: AbortSignal): Promise<void>;
}

/** Opens the mirror of one job's log. */
export interface LogSinkFactory {
  open(context: LogSinkContext): LogSink;
}
