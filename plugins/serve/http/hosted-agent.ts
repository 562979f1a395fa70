import type { JobRequest, PullLogs } from "signalman";
import type { HostedJob } from "../job/hosted-job.ts";

/** The agent as its API sees it. */
export interface HostedAgent {
  readonly job: HostedJob | undefined;
  readonly logs: PullLogs;
  /**
   * `same`: this job was submitted before. `other`: there is another job. Rejects with
   * `JOB_INVALID` when this agent can never run the job, with `SERVE_PAUSED` while a plugin refuses jobs, and
   * otherwise when the job cannot be started.
   */
  submit(request: JobRequest): Promise<"started" | "same" | "other">;
}
