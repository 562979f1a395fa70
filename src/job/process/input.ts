import type { JobRequest } from "../../core/contracts/job-request.ts";
import { AgentError } from "../../core/errors.ts";
import { type JobProcessInput, wireVersion } from "./messages.ts";

/** The standard input of a job's process. Each part resolves to `undefined` when the agent closed the stream before it. */
export interface JobProcessStdin {
  /** Throws `STATE_NEWER` when the agent uses another wire version. */
  input(): Promise<JobProcessInput | undefined>;
  /** Follows `input`. */
  request(): Promise<JobRequest | undefined>;
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
    async request() {
      const { value } = await lines.next();
      return value === undefined ? undefined : (JSON.parse(value) as JobRequest);
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
