import type { JobEvent, JobRequest } from "signalman";
import type { Truthy } from "./changes.ts";
import type { Faults } from "./faults.ts";
import type { Call } from "./http/calls.ts";
import type { SubmitOptions } from "./model/jobs.ts";
import type { FetchSigned } from "./model/names.ts";
import type { Quota, SettingsOptions } from "./settings.ts";
import type { AgentView, JobView } from "./view.ts";
import type { Violations } from "./watch/violations.ts";

export interface HubOptions extends SettingsOptions {
  /** Default: `127.0.0.1`, and any free port. */
  readonly listen?:
    | { readonly hostname?: string | undefined; readonly port?: number | undefined }
    | undefined;
  /** A directory that keeps everything. Default: nothing is kept. */
  readonly storage?: string | undefined;
  /** Unix milliseconds. */
  readonly now?: () => number;
  /** In [0, 1): where in the sync interval. */
  readonly random?: () => number;
  /** Asks AWS STS. */
  readonly fetchSigned?: FetchSigned;
}

/** A control plane that runs. */
export interface Hub extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** `127.0.0.1:PORT`, for an agent's `endpoint`. */
  readonly endpoint: string;
  /** The registration token. */
  readonly token: string;
  /** Queues a job: a request, or its text as a person writes it. Resolves when it is kept. */
  submit(job: JobRequest | string, options?: SubmitOptions & { readonly name?: string }): Promise<JobView>;
  /** Queues what is no good request: text is sent as it is; an object gets `job_id` and `logger` where it has none. */
  submitAsItIs(job: unknown, options?: SubmitOptions): Promise<JobView>;
  /** In submission order. */
  readonly jobs: readonly JobView[];
  job(id: string): JobView | undefined;
  /** The log as the job page has it. */
  log(id: string): HubLog;
  /** As a user does; `false` when there is no such job, or it is over. */
  stopJob(id: string): Promise<boolean>;
  readonly agents: readonly AgentView[];
  /** Disables an agent: it finishes nothing more, and leaves. `false` when there is none of this name. */
  shutdownAgent(name: string): Promise<boolean>;
  readonly violations: Violations;
  readonly faults: Faults;
  /** What agents asked, the latest 5000 at least. */
  readonly calls: readonly Call[];
  /** May be changed at any time. */
  quota: Quota;
  /** Resolves with the first truthy value; looks again after every change of the hub. */
  until<T>(look: () => T, signal?: AbortSignal): Promise<Truthy<T>>;
  /** Resolves when the job's agent has reported its end, or is gone. */
  done(id: string, signal?: AbortSignal): Promise<JobView>;
  /** What the server does every minute, now. */
  clean(): Promise<void>;
  /** Closes every connection, and keeps what is to be kept. */
  stop(): Promise<void>;
}

export interface HubLog {
  readonly events: readonly JobEvent[];
  /** As they were pushed, one JSON each. */
  readonly lines: readonly string[];
  /** Directives and output, as the raw log is shown. */
  readonly text: string;
  readonly isTrimmed: boolean;
}
