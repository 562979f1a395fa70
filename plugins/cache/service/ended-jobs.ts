/** Jobs whose keys have ended before they expire. */
export interface EndedJobs {
  add(job: string): void;
  has(job: string): boolean;
}

/** Keeps the last 100,000 jobs, more than end in a day. */
export function createEndedJobs(most = 100_000): EndedJobs {
  const jobs = new Set<string>();
  return {
    add(job) {
      jobs.add(job);
      if (jobs.size > most) for (const oldest of jobs.values().take(1)) jobs.delete(oldest);
    },
    has: (job) => jobs.has(job),
  };
}
