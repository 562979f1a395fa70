import type { JobRequest } from "../job/request.ts";
import type { Logger } from "../logger/logger.ts";
import type { SpoolReader } from "./spool-reader.ts";

export interface LogSinkContext {
  readonly job: JobRequest;
  readonly logger: Logger;
  /** Its own reader, from the first event; a slow sink delays nobody. */
  readonly spool: SpoolReader;
}

/**
 * A mirror of one job's log. **`run`** reads its own `spool` to the end at its own pace; what it throws is logged and costs
 * the job nothing. Once the job has ended it has the clean-up deadline (5 s) to finish, then `signal` aborts.
 */
export interface LogSink {
  run(signal: AbortSignal): Promise<void>;
}
