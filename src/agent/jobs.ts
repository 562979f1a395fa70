import type { JobSummary } from "../hooks.ts";
import type { JobRequest } from "../job/request.ts";
import type { LogDelivery } from "../log/backend.ts";

/** What a job source gives with a job, for its log. */
export interface JobDelivery {
  /** A new token for the log server; rejects when there is none to have. */
  refreshToken(): Promise<string>;
  /** Certificates (PEM) that the control plane's servers are trusted by, the usual ones among them. Left out: the usual ones. */
  readonly ca?: readonly string[] | undefined;
  /**
   * Resolves when the job is known to be this agent's, to a signal that aborts when that is in doubt again: meanwhile nothing of its log is delivered.
   * Left out: it always is.
   */
  assured?(): Promise<AbortSignal>;
  /** Aborts when the log has nowhere to go any more: the job was taken away from this agent. */
  readonly lost: AbortSignal;
}

/** How a job came out. */
export interface JobOutcome {
  readonly summary: JobSummary;
  readonly log: LogDelivery;
}

/** A job in a process of its own. */
export interface AgentJob {
  readonly id: string;
  readonly request: JobRequest;
  /** Resolves when the result is known and the log is delivered, or given up. Never rejects: a job whose process died has failed. */
  readonly done: Promise<JobOutcome>;
  /** Ends what runs, as the control plane's stop does. Safe at any moment, and more than once. */
  stop(): void;
  kill(): void;
  /** The control plane has the result: the request leaves the disk, the log stays for `signalman logs`. */
  release(): Promise<void>;
}

/** The jobs of one slot. */
export interface Jobs {
  /** Jobs that a previous process left, running or over, not yet released. Their logs are delivered once they are claimed. */
  readonly left: readonly LeftJob[];
  /** A job with this id is on its way: what needs no request begins now. `start` or `fail` follows. Never throws. */
  expect(jobId: string): void;
  /** Keeps the request durably, and runs the job in its process. Resolves when both are done; a process that cannot start is a failed job. */
  start(request: JobRequest, delivery: JobDelivery): Promise<AgentJob>;
  /** A job that can never run (its request could not be had): in its log stands why, and it has failed. */
  fail(request: JobRequest, reason: string, delivery: JobDelivery): Promise<AgentJob>;
}

export interface LeftJob {
  readonly id: string;
  claim(delivery: JobDelivery): Promise<AgentJob>;
}
