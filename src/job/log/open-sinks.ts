import { toMessage } from "../../core/errors.ts";
import { createSlowCallError } from "../../core/host/attribution.ts";
import { waitAtMost } from "../../core/host/deadline.ts";
import type { Host } from "../../core/contracts/host.ts";
import type { JobRequest } from "../../core/contracts/job-request.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { assertCreated } from "../assert-created.ts";
import { logSink } from "../../core/contracts/services.ts";
import type { SpoolReader } from "../../core/contracts/spool.ts";

export interface OpenSinksOptions {
  readonly host: Host;
  readonly job: JobRequest;
  readonly logger: Logger;
  readonly slot: number;
  /** Opens a reader at the first event. */
  readonly openReader: () => SpoolReader;
}

/** Time that log sinks have after the end of the job. */
const sinkDeadlineMs = 5000;

/** Starts every log sink on a reader of its own. What a sink throws is logged and does not affect the job. */
export function openSinks(options: OpenSinksOptions): { finish(): Promise<void> } {
  const { host, job, logger, slot, openReader } = options;
  const late = new AbortController();
  const unfinished = new Set<string>();
  const running = [...host.all(logSink)].map(async ([name, factory]) => {
    unfinished.add(name);
    try {
      using reader = openReader();
      const sink = factory.open({ job, logger: logger.child(name), spool: reader, slot, openReader });
      await assertCreated(sink, factory, ["run"]).run(late.signal);
    } catch (error) {
      if (error !== late.signal.reason) logger.error(`log sink "${name}" failed: ${toMessage(error)}`);
    }
    unfinished.delete(name);
  });
  return {
    async finish() {
      const over = Promise.all(running);
      if (await waitAtMost(over, sinkDeadlineMs)) return;
      for (const name of unfinished) {
        const sink = host.use(logSink, name);
        logger.error(toMessage(createSlowCallError(sink, "run", `${sinkDeadlineMs / 1000} s after the job`)));
      }
      late.abort(new Error("the log sink's time is over"));
      await waitAtMost(over, cutShortMs);
    },
  };
}

/** Time that a sink has after its signal was aborted. */
const cutShortMs = 100;
