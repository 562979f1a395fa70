import type { HangingHook } from "../../core/contracts/agent-status.ts";
import type { Cookie } from "../../core/contracts/executor.ts";
import type { JobSummary } from "../../core/contracts/job-summary.ts";
import type { LogFormat, LogLevel } from "../../core/contracts/logger.ts";
import type { LogRotation } from "../../os/log-file/rotate.ts";
import type { JobSettings } from "../settings.ts";

/** Version of the input and the messages below. A job's process may be older than the agent that connects to it. */
export const wireVersion = 1;

/**
 * The first line of a job process's standard input, as JSON. The process reads no configuration of its own. The second line is the job's
 * request, sent once it is on disk; a process that receives none exits.
 */
export interface JobProcessInput {
  readonly version: typeof wireVersion;
  readonly settings: JobSettings;
  /** The plugins that run in a job's process, in the order of the configuration, with their options. */
  readonly plugins: readonly {
    readonly key: string;
    readonly origin: "built-in" | "external";
    readonly config: unknown;
  }[];
  /** The directory of the configuration, for messages. Left out by the first releases. */
  readonly baseDirectory?: string;
  /** The job's state directory. */
  readonly directory: string;
  /** Path of the control socket, and the secret that a client must present first. */
  readonly socket: string;
  readonly secret: string;
  /** Marks the job's processes. */
  readonly cookie: Cookie;
  /** Directory of the control group that may be created for the job. Left out: none, as by the first releases. */
  readonly controlGroup?: string | undefined;
  /** Milliseconds for which the job continues without an agent (`claim-timeout`). */
  readonly claimTimeoutMs: number;
  readonly log: {
    readonly path: string;
    readonly rotation: LogRotation;
    readonly level: LogLevel;
    readonly format: LogFormat;
    readonly name: string;
  };
}

/** What an agent needs to resume a running job; stored in the job's directory. */
export interface JobProcessRecord {
  /** Wire version of the process. Left out by the first releases: 1. */
  readonly version?: number;
  readonly pid: number;
  readonly bootId: string;
  readonly socket: string;
  readonly secret: string;
  readonly cookie: Cookie;
  /** The user of the job's processes. Left out: the agent's. */
  readonly uid?: number;
  /** Nothing else runs as this user. */
  readonly isExclusive?: boolean;
  /** As in {@link JobProcessInput}. */
  readonly controlGroup?: string | undefined;
}

/** Messages from the agent, one JSON object per line. `hello` comes first; anything before it is ignored. */
export type ToJob =
  | { readonly hello: string; readonly version: number }
  | { readonly do: "stop" | "kill" | "leave" };

/** Messages from the job's process, one JSON object per line. They never carry bytes of the log: `more` means that the spool has grown. */
export type ToAgent =
  | { readonly is: "welcome"; readonly version: number }
  /** The process uses another wire version than the agent, and closes the connection. */
  | { readonly is: "refused"; readonly version: number }
  | { readonly is: "more" }
  | { readonly is: "heard" }
  | { readonly is: "finished" }
  /** Hooks of the job's plugins that have not returned in time; sent while there are any, and once when there are none any more. */
  | { readonly is: "hanging"; readonly hooks: readonly HangingHook[] }
  | ({ readonly is: "unkept" } & UnstoredResult);

/** The result of a job that has ended, when it could not be written to disk. */
export interface UnstoredResult {
  readonly summary: JobSummary;
  readonly isLogWhole: boolean;
  /** What could not be written, and why. */
  readonly reason: string;
}

/** Why a job's process has ended without a result, as the process itself could tell. */
export interface JobProcessFailure {
  readonly reason: string;
}

/** Names of the files in a job's state directory. */
export const jobFiles = {
  request: "request.json",
  process: "process.json",
  lock: "lock",
  spool: "events.ndjson",
  result: "result.json",
  delivery: "delivery.json",
  output: "process.log",
  failure: "failure.json",
  listener: "listener.json",
} as const;
