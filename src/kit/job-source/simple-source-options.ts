import type { JobResult } from "../../core/contracts/job-events.ts";
import type { JobSourceContext } from "../../core/contracts/job-source.ts";

/** A queue of jobs, such as a table of a database or a directory. */
export interface SimpleSourceOptions {
  /** See `JobSource`. Reported as the name of the control plane, too. */
  readonly identity: string;
  /** The log method of all jobs, in place of that of their requests. */
  readonly logMethod?: string;
  /**
   * Returns the next job; `undefined` or `null` when none waits. Called while the slot has no job. A job of the same
   * owner without a result comes first: the process may have died before the job was stored. What this throws is
   * reported as a failed sync, and it is called again after a pause that grows.
   */
  claim(slot: SourceSlot): Promise<ClaimedJob | null | undefined> | ClaimedJob | null | undefined;
  /**
   * Stores a result. Repeated until it does not throw; a crash may repeat it too. A job that the queue does not know
   * counts as stored.
   */
  report(jobId: string, result: JobResult, slot: SourceSlot): Promise<void> | void;
  /** Whether a running job must be stopped. Left out: never. */
  isStopped?(jobId: string, slot: SourceSlot): Promise<boolean> | boolean;
  /** Milliseconds between two calls of `claim` or `isStopped`. Default: a second. */
  readonly pollMs?: number;
  /** Opens the queue, before the slot is registered. What this throws ends the slot: the agent exits with 1. */
  open?(): Promise<void> | void;
}

/** The slot that takes a job. */
export interface SourceSlot {
  /** Unique among all slots of all agents, and the same after a restart. */
  readonly owner: string;
  /** Index of the slot, from 0. */
  readonly slot: number;
  /** Aborts when the slot takes no further job. */
  readonly signal: AbortSignal;
}

/** A job that a queue has assigned to a slot. */
export interface ClaimedJob {
  /** Never used again: a UUID, or up to 100 letters, digits, `.`, `-` and `_`. */
  readonly id: string;
  /** The job as in a job file: YAML or JSON as text, or an object. An invalid one fails with its faults in its log. */
  readonly request: unknown;
}

/** A source in a slot. */
export interface SimpleRun {
  readonly context: JobSourceContext;
  readonly options: SimpleSourceOptions;
  readonly slot: SourceSlot;
}
