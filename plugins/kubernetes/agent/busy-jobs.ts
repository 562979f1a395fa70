import type { BusyMark } from "./busy-mark.ts";

/** Counts the agent's jobs for the mark of its pod. Nothing is awaited. */
export interface BusyJobs {
  add(jobId: string): void;
  remove(jobId: string): void;
  isBusy(): boolean;
  /** Removes the mark that an earlier process of this pod has left, if there are no jobs. */
  update(): void;
}

/** `load` is called with the first job. */
export function createBusyJobs(load: () => Promise<BusyMark>): BusyJobs {
  const jobs = new Set<string>();
  let mark: Promise<BusyMark> | undefined;
  const update = () => {
    mark ??= load();
    mark.then((each) => each.update(jobs.size > 0)).catch(() => {});
  };
  return {
    update,
    isBusy: () => jobs.size > 0,
    add(jobId) {
      const isFirst = jobs.size === 0;
      jobs.add(jobId);
      if (isFirst) update();
    },
    remove(jobId) {
      if (jobs.delete(jobId) && jobs.size === 0) update();
    },
  };
}
