import { type Logger, toMessage } from "signalman";

export interface ChangeReportOptions {
  /** Receives how a change ended. */
  readonly count: (outcome: "written" | "dropped") => void;
  readonly logger: Pick<Logger, "info" | "warn" | "debug">;
}

/** Counts and logs what becomes of changes. */
export function createChangeReport({ count, logger }: ChangeReportOptions) {
  let [dropped, gone] = [0, 0];
  const report = {
    found(changes: number): void {
      if (changes > 0)
        logger.info(`objects of an earlier process that are passed on to cache-upstream: ${changes}`);
    },
    written: () => count("written"),
    gone: () => void (gone += 1),
    failed(attempt: number, error: unknown): void {
      logger.debug(`attempt ${attempt} to pass on an object of the cache failed: ${toMessage(error)}`);
    },
    /** A change has failed too often. */
    dropped(attempts: number, error: unknown): void {
      dropped += 1;
      count("dropped");
      logger.warn(
        `an object of the cache was not passed on to cache-upstream in ${attempts} attempts and is dropped (${dropped} so far): ${toMessage(error)}`,
      );
    },
    /** More changes wait than may. */
    exceeded(most: number): void {
      if (dropped === 0) logger.warn(`more than ${most} objects wait for cache-upstream: others are dropped`);
      dropped += 1;
      count("dropped");
    },
    /** Nothing waits. */
    idle(): void {
      if (gone > 0)
        logger.info(`objects that were evicted before they were passed on to cache-upstream: ${gone}`);
      gone = 0;
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
