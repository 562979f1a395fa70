import type { Output } from "../../core/contracts/job-log.ts";
import type { LeftJob } from "./left-job.ts";

/** Runs a command in the job's session, which writes to the output. */
type Run = (output: Output) => Promise<number>;

/**
 * Returns what calls the commands of a job. The first one is that which an earlier process was running. If it was
 * served by that process and fails, its output ends with a line about it, as the program's error names only an address
 * that does not answer.
 */
export function createServedCommand(
  left: Pick<LeftJob, "isServed"> | undefined,
  stopped: AbortSignal,
): (run: Run, output: Output) => Promise<number> {
  let wasServed = left?.isServed === true;
  return async (run, output) => {
    if (!wasServed) return run(output);
    wasServed = false;
    let isAtLineStart = true;
    const code = await run((chunk) => {
      if (chunk.length > 0) isAtLineStart = chunk.at(-1) === (typeof chunk === "string" ? "\n" : 0x0a);
      output(chunk);
    });
    if (code !== 0 && !stopped.aborted) output(`${isAtLineStart ? "" : "\n"}[signalman: ${reason}]\n`);
    return code;
  };
}

const reason =
  "the job's process died while it served this command, such as a checkout from a git mirror; the next process cannot serve it";
