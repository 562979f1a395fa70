import type { Logger } from "signalman";
import type { Failure } from "./client.ts";

/** Says in the agent's log that syncs bring no answer: at once, then once a minute, and when it is over. */
export interface Outage {
  failed(failure: Failure): void;
  recovered(): void;
}

export function createOutage(
  logger: Logger,
  endpoint: string,
  now: () => number = () => performance.now(),
): Outage {
  let failures = 0;
  let since = 0;
  let saidAt = 0;
  const toFields = () => ({ endpoint, failures, seconds: Math.round((now() - since) / 1000) });
  return {
    failed({ message }) {
      failures += 1;
      if (failures > 1 && now() - saidAt < minuteMs) return;
      saidAt = now();
      if (failures === 1) since = saidAt;
      logger.error(
        `[SYNC ERR] Failed to sync with API: ${message}`,
        failures === 1 ? { endpoint } : toFields(),
      );
    },
    recovered() {
      if (failures > 0) logger.info("syncs with API again", toFields());
      failures = 0;
    },
  };
}

const minuteMs = 60_000;
