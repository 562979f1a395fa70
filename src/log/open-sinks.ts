import { toMessage } from "../errors.ts";
import type { Host } from "../host/host.ts";
import type { JobRequest } from "../job/request.ts";
import type { Logger } from "../logger/logger.ts";
import { logSink } from "../services.ts";
import type { SpoolReader } from "./spool.ts";

export interface OpenSinksOptions {
  readonly host: Host;
  readonly job: JobRequest;
  readonly logger: Logger;
  /** Opens a reader at the first event. */
  readonly reader: () => SpoolReader;
}

/** How long log sinks have, once the job has ended. */
const sinkDeadlineMs = 5000;

/** Starts every log sink on a reader of its own. What they throw costs the job nothing. */
export function openSinks(options: OpenSinksOptions): { finish(): Promise<void> } {
  const { host, job, logger } = options;
  const late = new AbortController();
  const running = [...host.all(logSink)].map(async ([name, factory]) => {
    using reader = options.reader();
    try {
      await factory.open({ job, logger: logger.child(name), spool: reader }).run(late.signal);
    } catch (error) {
      logger.error(`the log sink "${name}" failed: ${toMessage(error)}`);
    }
  });
  return {
    async finish() {
      const timer = setTimeout(
        () => late.abort(new Error(`not finished ${sinkDeadlineMs / 1000} s after the job`)),
        sinkDeadlineMs,
      );
      const overdue = new Promise<void>((resolve) => {
        late.signal.addEventListener("abort", () => setTimeout(resolve, 100), { once: true });
      });
      await Promise.race([Promise.all(running), overdue]);
      clearTimeout(timer);
    },
  };
}
