import type { Executor } from "../../core/contracts/executor.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { toMessage } from "../../core/errors.ts";
import { withDeadline } from "../../core/host/deadline.ts";
import { type JobOutcome, toAnswerLine } from "./messages.ts";

/** Puts answers to terminal sequences where the job finds them, one after another. */
export interface JobAnswers {
  /** Returns the reason when the answer is not put there. */
  put(name: string, outcome: JobOutcome): string | undefined;
}

export interface JobAnswersOptions {
  /** The executor whose session runs now. */
  readonly executor: () => Executor | undefined;
  readonly logger: Logger;
}

/** Maximum number of answers that wait for the executor, and of those that the job can still read. */
const maxAnswers = 1024;
/** Maximum number of bytes that wait for the executor. */
const maxBytes = 8 * 1024 * 1024;
const putMs = 60_000;

/** Creates the answers of a job, which is not trusted: their number is bounded. */
export function createJobAnswers({ executor, logger }: JobAnswersOptions): JobAnswers {
  const kept: string[] = [];
  let waiting = 0;
  let waitingBytes = 0;
  let last: Promise<void> = Promise.resolve();
  let isReported = false;

  async function write(name: string, line: string): Promise<void> {
    const late = () => new Error("the executor did not write it within 60 s");
    await withDeadline(Promise.resolve(executor()?.putAnswer?.(name, Buffer.from(line))), putMs, late);
  }

  async function put(name: string, line: string): Promise<void> {
    try {
      await write(name, line);
      kept.push(name);
      if (kept.length > maxAnswers) await write(kept.shift()!, "");
    } catch (error) {
      // The session has ended, or the job has broken what the executor needs in it.
      if (!isReported)
        logger.warn(`an answer to a terminal sequence could not be written: ${toMessage(error)}`);
      isReported = true;
    } finally {
      waiting -= 1;
      waitingBytes -= line.length;
    }
  }

  return {
    put(name, outcome) {
      if (executor()?.putAnswer === undefined) return "terminal sequences get no answers in this executor";
      const line = toAnswerLine(outcome);
      if (waiting >= maxAnswers || waitingBytes + line.length > maxBytes)
        return "too many answers to terminal sequences are waiting";
      waiting += 1;
      waitingBytes += line.length;
      last = last.then(() => put(name, line));
      return undefined;
    },
  };
}
