import type { LogFields, Logger } from "../core/contracts/logger.ts";

/**
 * Logs an outage: its first failure, then one line a minute, then the recovery with the count and duration of
 * the failures.
 */
export interface OutageLog {
  failed(reason: string): void;
  recovered(): void;
}

export interface OutageLogOptions {
  readonly logger: Logger;
  /** Level of the lines about failures; a recovery is logged as `info`. */
  readonly level: "warn" | "error";
  /** Fields of every line. */
  readonly fields?: LogFields;
  /** The message about a failure. `isFirst` is true for the first failure of an outage. */
  describeFailure(reason: string, isFirst: boolean): string;
  readonly recovery: string;
  /** Monotonic milliseconds. Default: `performance.now()`. */
  readonly now?: () => number;
}

/** Creates the log of the outages of one server. */
export function createOutageLog(options: OutageLogOptions): OutageLog {
  const { logger, level, fields = {}, recovery, now = () => performance.now() } = options;
  let failures = 0;
  let since = 0;
  let loggedAt = 0;
  const measure = () => ({ ...fields, failures, seconds: Math.round((now() - since) / 1000) });
  return {
    failed(reason) {
      failures += 1;
      const isFirst = failures === 1;
      if (!isFirst && now() - loggedAt < minuteMs) return;
      loggedAt = now();
      if (isFirst) since = loggedAt;
      logger[level](options.describeFailure(reason, isFirst), isFirst ? { ...fields } : measure());
    },
    recovered() {
      if (failures > 0) logger.info(recovery, measure());
      failures = 0;
    },
  };
}

const minuteMs = 60_000;
