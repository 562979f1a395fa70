import type { Logger } from "signalman";

/** Says in the agent's log that pushing fails: at once, then once a minute, and when it is over. */
export interface Outage {
  failed(reason: string): void;
  recovered(): void;
}

export function createOutage(logger: Logger, where: string, now: () => number = Date.now): Outage {
  let failures = 0;
  let since = 0;
  let saidAt = 0;
  const toFields = () => ({ failures, seconds: Math.round((now() - since) / 1000) });
  return {
    failed(reason) {
      failures += 1;
      if (failures === 1) {
        since = saidAt = now();
        logger.warn(`cannot push the job's log to ${where}: ${reason}; trying again`);
      } else if (now() - saidAt >= minuteMs) {
        saidAt = now();
        logger.warn(`still cannot push the job's log to ${where}: ${reason}`, toFields());
      }
    },
    recovered() {
      if (failures > 0) logger.info(`pushes the job's log to ${where} again`, toFields());
      failures = 0;
    },
  };
}

const minuteMs = 60_000;
