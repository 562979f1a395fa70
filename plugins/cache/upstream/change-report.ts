import { createOutageLog, type Logger } from "signalman";
import { describeAnswer } from "./refusal.ts";

export interface ChangeReportOptions {
  /** Receives how a change ended. */
  readonly count: (outcome: "written" | "dropped") => void;
  readonly logger: Logger;
}

/** Counts and logs what becomes of changes. */
export function createChangeReport({ count, logger }: ChangeReportOptions) {
  let [exceeded, gone] = [0, 0];
  const refused = new Map<string, number>();
  const outage = createOutageLog({
    logger,
    level: "warn",
    describeFailure: (reason) => `cache-upstream takes no objects, which wait for it: ${reason}`,
    recovery: "cache-upstream takes objects again",
  });
  const report = {
    found(changes: number): void {
      if (changes > 0)
        logger.info(`objects of an earlier process that are passed on to cache-upstream: ${changes}`);
    },
    written(): void {
      outage.recovered();
      count("written");
    },
    gone: () => void (gone += 1),
    /** A single failure is no outage yet: the next request tells. */
    failed(attempt: number, error: unknown, isOutage: boolean): void {
      const reason = describeAnswer(error);
      if (isOutage) outage.failed(reason);
      else logger.debug(`attempt ${attempt} to pass on an object of the cache failed: ${reason}`);
    },
    /** The upstream will never take a change. The first of each code is logged, others are counted when all is done. */
    refused(code: string, error: unknown): void {
      outage.recovered();
      count("dropped");
      const times = refused.get(code) ?? 0;
      refused.set(code, times + 1);
      if (times === 0)
        logger.warn(
          `cache-upstream refuses an object of the cache, which is dropped: ${describeAnswer(error)}`,
        );
    },
    /** More changes wait than may. */
    exceeded(most: number): void {
      if (exceeded === 0)
        logger.warn(`more than ${most} objects wait for cache-upstream: others are dropped`);
      exceeded += 1;
      count("dropped");
    },
    /** Nothing waits. */
    idle(): void {
      if (gone > 0)
        logger.info(`objects that were evicted before they were passed on to cache-upstream: ${gone}`);
      gone = 0;
      for (const [code, times] of refused)
        if (times > 1)
          logger.warn(`objects that cache-upstream refused with ${code}, and that were dropped: ${times}`);
      refused.clear();
    },
    ended(waiting: number, isKept: boolean): void {
      report.idle();
      if (waiting === 0) return;
      if (isKept) logger.info(`objects that the next start passes on to cache-upstream: ${waiting}`);
      else logger.warn(`${waiting} objects of the cache were not passed on to cache-upstream`);
    },
  };
  return report;
}
