import type { JobRequest } from "./job-request.ts";
import type { JobSummary } from "./job-summary.ts";
import type { LogDelivery } from "./log-backend.ts";
import type { StopCause } from "./stop-cause.ts";

/** What a job source supplies with a job, for the delivery of its log. */
export interface JobDelivery {
  /** Resolves to a new token for the log server; rejects when the control plane issues none. */
  refreshToken(): Promise<string>;
  /** Trusted certificates (PEM) for the control plane, including the default ones. Left out: the default ones. */
  readonly ca?: readonly string[] | undefined;
  /**
   * Resolves once the job is confirmed to be assigned to this agent, with a signal that aborts when that is
   * uncertain again. The log is delivered only while it is confirmed. Left out: it always is.
   */
  assured?(): Promise<AbortSignal>;
  /** Aborts when the job was taken away from this agent, so that its log can no longer be delivered. */
  readonly lost: AbortSignal;
}

/** The outcome of a job and of the delivery of its log. */
export interface JobOutcome {
  readonly summary: JobSummary;
  readonly log: LogDelivery;
}

/** A job that runs in a process of its own. */
export interface AgentJob {
  readonly id: string;
  readonly request: JobRequest;
  /** Resolves when the result is known, while the log may still be on its way. Never rejects. */
  readonly ended: Promise<JobSummary>;
  /** Resolves when the result is known and the log was delivered or given up. Never rejects. */
  readonly done: Promise<JobOutcome>;
  /**
   * Ends what runs. Safe at any moment, and more than once; the first cause counts. Left out: the control
   * plane has stopped the job.
   */
  stop(cause?: StopCause): void;
  /** Ends what runs at once, without a grace period. */
  kill(cause?: StopCause): void;
  /** Removes the request from disk once the control plane has the result; the log is kept for `signalman logs`. */
  release(): Promise<void>;
}

/** The jobs of one slot. */
export interface Jobs {
  /** Unreleased jobs of a previous agent process, running or ended. Their logs are delivered once they are claimed. */
  readonly left: readonly LeftJob[];
  /**
   * Announces a job before its request is fetched, so that its process starts. `start` or `fail` follows.
   * Never throws.
   */
  expect(jobId: string): void;
  /**
   * Stores the request durably and runs the job. Resolves when both are done; fails the job if its process
   * cannot start.
   */
  start(request: JobRequest, delivery: JobDelivery): Promise<AgentJob>;
  /** Reports a job that can never run (its request could not be fetched) as failed, with the reason in its log. */
  fail(request: JobRequest, reason: string, delivery: JobDelivery): Promise<AgentJob>;
}

/** A job of a previous agent process. `claim` takes it over, running or ended. */
export interface LeftJob {
  readonly id: string;
  claim(delivery: JobDelivery): Promise<AgentJob>;
}
