import type { HangingHook } from "../../core/contracts/agent-status.ts";
import type { PluginMetric } from "../../core/contracts/metrics.ts";
import type { JobSummary } from "../../core/contracts/job-summary.ts";
import type { StopCause } from "../../core/contracts/stop-cause.ts";
import { createBoundedLineReader } from "../../core/text/bounded-lines.ts";

/** Version of the input and the messages below. A job's process may be older than the agent that connects to it. */
export const wireVersion = 1;

/** Messages from the agent, one JSON object per line. `hello` comes first; anything before it is ignored. */
export type ToJob =
  | { readonly hello: string; readonly version: number }
  /** Earlier releases send no `cause`, and ignore it. */
  | { readonly do: "stop" | "kill"; readonly cause?: StopCause }
  | { readonly do: "leave" }
  /** The agent has counted the metrics with this number. Sent only to a process that sends metrics. */
  | { readonly counted: number };

/** What the agent asks of a job's process. */
export type JobOrder = Extract<ToJob, { readonly do: string }>;

/**
 * Messages from the job's process, one JSON object per line. An agent ignores those that it does not know. They never
 * carry bytes of the log: `more` means that the spool has grown.
 */
export type ToAgent =
  | { readonly is: "welcome"; readonly version: number }
  /** The process uses another wire version than the agent, and closes the connection. */
  | { readonly is: "refused"; readonly version: number }
  | { readonly is: "more" }
  | { readonly is: "heard" }
  | { readonly is: "finished" }
  /**
   * Hooks of the job's plugins that have not returned in time; sent while there are any, and once when there
   * are none any more.
   */
  | { readonly is: "hanging"; readonly hooks: readonly HangingHook[] }
  | MetricsMessage
  | ({ readonly is: "unkept" } & UnstoredResult);

/** What plugins have recorded since the last number. Sent again with the same number until it is confirmed. */
export interface MetricsMessage {
  readonly is: "metrics";
  readonly number: number;
  readonly metrics: readonly PluginMetric[];
}

/** The result of a job that has ended, when it could not be written to disk. */
export interface UnstoredResult {
  readonly summary: JobSummary;
  readonly isLogWhole: boolean;
  /** What could not be written, and why. */
  readonly reason: string;
}

/**
 * Splits a stream of JSON lines into messages. Lines that are not JSON, or longer than any message of the
 * protocol, are skipped.
 */
export function createLineReader<T>(onMessage: (message: T) => void): (bytes: Uint8Array) => void {
  return createBoundedLineReader({
    maxBytes: 64 * 1024,
    onLine(line) {
      try {
        onMessage(JSON.parse(line) as T);
      } catch {
        // Not a message.
      }
    },
    onTooLong: () => {},
  });
}
