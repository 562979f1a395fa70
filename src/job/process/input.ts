import type { Cookie } from "../../core/contracts/executor.ts";
import type { LogFormat, LogLevel } from "../../core/contracts/logger.ts";
import type { LogRotation } from "../../os/log-file/rotate.ts";
import type { JobSettings } from "../settings.ts";
import type { JobRequest } from "../../core/contracts/job-request.ts";
import type { JobArrival } from "../../core/contracts/job-summary.ts";
import { AgentError } from "../../core/errors.ts";
import { wireVersion } from "../control/messages.ts";

/**
 * The first line of a job process's standard input, as JSON. The process reads no configuration of its own.
 * The second line is the job, sent once its request is on disk; a process that receives none exits.
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
  /** An earlier process of the job has died, and this one continues it. */
  readonly isContinued?: boolean;
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

/** The second line of the standard input. */
export interface ReceivedJob {
  readonly request: JobRequest;
  readonly arrival: JobArrival;
}

/**
 * The standard input of a job's process. Each part resolves to `undefined` when the agent closed the stream
 * before it.
 */
export interface JobProcessStdin {
  /** Throws `STATE_NEWER` when the agent uses another wire version. */
  input(): Promise<JobProcessInput | undefined>;
  /** Follows `input`. */
  job(): Promise<ReceivedJob | undefined>;
}

export function readJobProcessStdin(stream: ReadableStream<Uint8Array>): JobProcessStdin {
  const lines = readLines(stream);
  return {
    async input() {
      const { value } = await lines.next();
      if (value === undefined) return undefined;
      const input = JSON.parse(value) as JobProcessInput;
      if (input.version === wireVersion) return input;
      throw new AgentError(
        "STATE_NEWER",
        `the agent uses version ${String(input.version)} of the job protocol, and this program version ${wireVersion}`,
      );
    },
    async job() {
      const { value } = await lines.next();
      return value === undefined ? undefined : (JSON.parse(value) as ReceivedJob);
    },
  };
}

/** Complete lines of any length. */
async function* readLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  let parts: Uint8Array[] = [];
  for await (const chunk of stream) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      yield Buffer.concat([...parts, chunk.subarray(start, end)]).toString();
      parts = [];
      start = end + 1;
    }
    parts.push(chunk.subarray(start));
  }
  return undefined;
}

const newline = 0x0a;
