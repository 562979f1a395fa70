import type { JobCommandMessage } from "../core/contracts/job-command.ts";
import { AgentError, toMessage } from "../core/errors.ts";
import { createBoundedLineReader } from "../core/text/bounded-lines.ts";
import {
  type JobAnswer,
  type JobMessage,
  jobMessagesVersion,
  jobSocketVariable,
  maxMessageBytes,
} from "../job/commands/messages.ts";

/** Time for an answer. A job's process that writes to a slow disk answers late. */
const answerMs = 30_000;

/**
 * Sends a command to the job that this process belongs to. Resolves when the job has executed it. Throws
 * `JOB_UNREACHABLE` outside of a job, when the job refuses the command, and when the job does not answer.
 */
export async function askJob(
  message: JobCommandMessage & { readonly do: string },
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const path = env[jobSocketVariable];
  if (!path) {
    throw new AgentError(
      "JOB_UNREACHABLE",
      `there is no job here: ${jobSocketVariable} is not set (expected to be called by a job, on the host of its agent)`,
    );
  }
  const sent: JobMessage = { ...message, version: jobMessagesVersion };
  const line = `${JSON.stringify(sent)}\n`;
  if (Buffer.byteLength(line) > maxMessageBytes) {
    throw new AgentError("USAGE_INVALID", `the message to the job is longer than ${maxMessageBytes} bytes`);
  }
  const answer = await exchange(path, line);
  if (answer.is !== "done") throw new AgentError("JOB_UNREACHABLE", `the job refuses: ${answer.why}`);
}

async function exchange(path: string, line: string): Promise<JobAnswer> {
  // Loaded here, since every plugin loads this file with the SDK.
  const { connect } = await import("node:net");
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown) => {
      socket.destroy();
      reject(new AgentError("JOB_UNREACHABLE", `the job at "${path}" ${why}`, { cause }));
    };
    const socket = connect(path, () => socket.write(line));
    socket.setTimeout(answerMs, () => fail(`did not answer within ${answerMs / 1000} s`));
    socket.on("error", (error) => fail(`cannot be reached: ${toMessage(error)}`, error));
    socket.on("close", () => fail("has ended, or does not answer"));
    const push = createBoundedLineReader({
      maxBytes: maxMessageBytes,
      onLine(line) {
        try {
          resolve(JSON.parse(line) as JobAnswer);
          socket.destroy();
        } catch (error) {
          fail("sent an answer that is not understood", error);
        }
      },
      onTooLong: () => fail("sent an answer that is too long"),
    });
    socket.on("data", push);
  });
}
