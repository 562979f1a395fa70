/** An interrupt of an agent that has jobs, which have the grace period to finish unless a method is called. */
export interface Interruption {
  /** Resolves to whether another process can continue every job when the job's own process ends with the agent's. */
  areContinuable(): Promise<boolean>;
  /** Resolves to whether the process of a job serves its running command (`VariableOptions.served`). */
  areServed(): Promise<boolean>;
  /** Hands over instead of interrupting, as SIGUSR2 does. Has no effect once the control plane has been told. */
  handOver(): void;
  /** Stops the jobs; their logs show the reason, one sentence without a full stop. May also be called later. */
  stopJobs(reason: string): void;
}
