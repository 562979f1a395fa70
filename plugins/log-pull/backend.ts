import type { LogBackend, LogBackendContext, LogDelivery } from "signalman";
import { createPullLog, type PullLog } from "./pull-log.ts";

/**
 * Opens the delivery of one job's log to clients that read it. Disposal ends the delivery; the log can be
 * read on, so that a client that asks late is answered.
 */
export function openPullBackend(context: LogBackendContext, onOpen: (log: PullLog) => void): LogBackend {
  const log = createPullLog(context);
  const disposed = new AbortController();
  let running: Promise<LogDelivery> | undefined;
  onOpen(log);
  return {
    run(signal) {
      running = log.run(AbortSignal.any([signal, disposed.signal]));
      return running;
    },
    async [Symbol.asyncDispose]() {
      disposed.abort();
      await running?.catch(() => {});
    },
  };
}
