import type { JobSummary } from "../../core/contracts/job-summary.ts";
import type { LogFormat, LogLevel } from "../../core/contracts/logger.ts";
import type { LogRotation } from "../../os/log-file/rotate.ts";
import type { Cookie } from "../../core/contracts/executor.ts";
import type { JobSettings } from "../settings.ts";

/** Of the input and the messages below. A job's process may be older than the agent that speaks with it. */
export const wireVersion = 1;

/**
 * What a job's process gets on the first line of its standard input, as JSON, before it does anything. It reads no configuration of its own.
 * The second line is the job's request, once that is on disk; a process that gets none leaves.
 */
export interface JobProcessInput {
  readonly version: typeof wireVersion;
  readonly settings: JobSettings;
  /** Those that run in a job's process, in the order of the configuration, with their options. */
  readonly plugins: readonly {
    readonly key: string;
    readonly origin: "built-in" | "external";
    readonly config: unknown;
  }[];
  /** Of the job, in the state directory. */
  readonly directory: string;
  /** Where it listens, and what it wants to hear first. */
  readonly socket: string;
  readonly secret: string;
  /** Marks what the job starts. */
  readonly cookie: Cookie;
  /** How long it goes on without an agent, in milliseconds. */
  readonly claimTimeoutMs: number;
  readonly log: {
    readonly path: string;
    readonly rotation: LogRotation;
    readonly level: LogLevel;
    readonly format: LogFormat;
    readonly name: string;
  };
}

/** What an agent needs to take over a job that runs; kept beside the job. */
export interface JobProcessRecord {
  /** That the process speaks. Left out by the first programs: 1. */
  readonly version?: number;
  readonly pid: number;
  readonly bootId: string;
  readonly socket: string;
  readonly secret: string;
  readonly cookie: Cookie;
}

/** From the agent: one JSON object a line. `hello` comes first, or nothing else is heard. */
export type ToJob =
  | { readonly hello: string; readonly version: number }
  | { readonly do: "stop" | "kill" | "leave" };

/** From the job: one JSON object a line. Bytes of the log never come this way: `more` says that the spool has grown. */
export type ToAgent =
  | { readonly is: "welcome"; readonly version: number }
  /** It speaks another version than the agent, and closes the connection. */
  | { readonly is: "refused"; readonly version: number }
  | { readonly is: "more" }
  | { readonly is: "heard" }
  | { readonly is: "finished" }
  | ({ readonly is: "unkept" } & LastWords);

/** Of a job that is over, and whose result the disk does not take. */
export interface LastWords {
  readonly summary: JobSummary;
  readonly isLogWhole: boolean;
  /** What the disk did not take, and why. */
  readonly reason: string;
}

/** Names of the files of a job in the state directory. */
export const jobFiles = {
  request: "request.json",
  process: "process.json",
  lock: "lock",
  spool: "events.ndjson",
  result: "result.json",
  delivery: "delivery.json",
  output: "process.log",
} as const;

/** Splits a stream of JSON lines. What is no JSON is passed over. */
export function createLineReader<T>(onMessage: (message: T) => void): (bytes: Uint8Array) => void {
  const decoder = new TextDecoder();
  let rest = "";
  return (bytes) => {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    // Nothing that we say is longer; a stranger shall not fill our memory.
    if (rest.length > maxLineLength) rest = "";
    for (const line of lines) {
      try {
        onMessage(JSON.parse(line) as T);
      } catch {
        // Not ours.
      }
    }
  };
}

const maxLineLength = 64 * 1024;
