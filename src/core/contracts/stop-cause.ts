/**
 * Who has stopped a job: its control plane (or what takes its place), an operator of this host, the agent
 * itself, or a plugin.
 */
export type Stopper = "control-plane" | "operator" | "agent" | "plugin";

/** Who has stopped a job, and why. `findStopCause` reads it from the signals of a job. */
export interface StopCause {
  readonly by: Stopper;
  /** One sentence without a full stop, which may be shown to the job's user; at most 500 characters. */
  readonly reason: string;
  /** No agent process has resumed the job within `claim-timeout`. */
  readonly isTimeout?: boolean;
}
