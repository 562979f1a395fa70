import type { JobRequest } from "./job-request.ts";

/** Decides which jobs run on this agent. Policies are asked in the order of the configuration, before `job:start`. */
export interface JobPolicy {
  /**
   * Returns why the job must not run, as sentences for its user, or nothing. A refused job fails before anything
   * of it has run, and its log shows these sentences alone. The answer is awaited for 30 s; a policy that throws,
   * does not return or returns anything else refuses the job.
   */
  check(context: JobPolicyContext): string | undefined | void | Promise<string | undefined | void>;
}

/** What a job policy receives. */
export interface JobPolicyContext {
  readonly job: JobRequest;
  /** Aborts when the job is stopped, and when the answer is not awaited any more. */
  readonly signal: AbortSignal;
}
