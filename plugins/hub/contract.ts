import type { JobBoard, JobEvent, JobRequest } from "signalman";
import type { Truthy } from "./changes.ts";
import type { Faults } from "./faults.ts";
import type { Call } from "./http/calls.ts";
import type { SubmitOptions } from "./model/jobs.ts";
import type { FetchSigned } from "./model/names.ts";
import type { Quota, SettingsOptions } from "./settings.ts";
import type { AgentView, JobView } from "./view.ts";
import type { Violations } from "./watch/violations.ts";

export interface HubOptions extends SettingsOptions {
  /** Address to listen on. Default: `127.0.0.1` and a free port. */
  readonly listen?:
    | {
        readonly hostname?: string | undefined;
        readonly port?: number | undefined;
        /** Further names of a loopback address in the `Host` header of requests. */
        readonly hosts?: readonly string[] | undefined;
      }
    | undefined;
  /** Directory that stores the hub's state. Default: the state is kept in memory only. */
  readonly storage?: string | undefined;
  /** The clock, in unix milliseconds. */
  readonly now?: () => number;
  /** Returns a number in [0, 1): the position within the sync interval. */
  readonly random?: () => number;
  /** Sends the pre-signed request to AWS STS. */
  readonly fetchSigned?: FetchSigned;
}

/** A running control plane. */
export interface Hub extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** `127.0.0.1:PORT`, for an agent's `endpoint`. */
  readonly endpoint: string;
  /** The registration token. */
  readonly token: string;
  /** Queues a job, given as a request or as the YAML or JSON text of one. Resolves once it is stored. */
  submit(job: JobRequest | string, options?: SubmitOptions & { readonly name?: string }): Promise<JobView>;
  /**
   * Queues an invalid request: text is sent unchanged; an object gets `job_id` and `logger` where they are
   * missing.
   */
  submitRaw(job: unknown, options?: SubmitOptions): Promise<JobView>;
  /** All jobs, in submission order. */
  readonly jobs: readonly JobView[];
  job(id: string): JobView | undefined;
  /** Returns the log as the job page shows it. */
  log(id: string): HubLog;
  /**
   * Queues the request of a job again. Resolves to `undefined` when it is not known any more: 200 are kept, in memory.
   */
  retryJob(id: string): Promise<JobView | undefined>;
  /** Stops a job on behalf of a user. Returns `false` for an unknown or finished job. */
  stopJob(id: string): Promise<boolean>;
  readonly agents: readonly AgentView[];
  /** Disables an agent, so that its job is stopped and it shuts down. Returns `false` for an unknown name. */
  shutdownAgent(name: string): Promise<boolean>;
  readonly violations: Violations;
  readonly faults: Faults;
  /** The latest requests of agents, at least 5000 of them. */
  readonly calls: readonly Call[];
  /** The quota of agents, which may be changed at any time. */
  quota: Quota;
  /** Resolves with the first truthy value of `read`, which is called again after every change of the hub. */
  until<T>(read: () => T, signal?: AbortSignal): Promise<Truthy<T>>;
  /** Resolves when the job's agent has reported its result, or was removed. */
  done(id: string, signal?: AbortSignal): Promise<JobView>;
  /** The agents, jobs and logs for pages. */
  readonly board: JobBoard;
  /** Runs the server's cleaner, which otherwise runs every minute. */
  clean(): Promise<void>;
  /** Closes every connection and stores the state. */
  stop(): Promise<void>;
}

/** The log of a job. */
export interface HubLog {
  readonly events: readonly JobEvent[];
  /** The events as they were pushed, one JSON document each. */
  readonly lines: readonly string[];
  /** Directives and output, formatted as the raw log. */
  readonly text: string;
  readonly isTrimmed: boolean;
}
