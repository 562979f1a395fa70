import type { JobCommandAnswer, JobCommandMessage } from "../core/contracts/job-command.ts";
import { AgentError, type ErrorCode } from "../core/errors.ts";
import { createPluginError } from "../core/host/attribution.ts";
import {
  type JobAnswer,
  jobAnswersVariable,
  type JobMessage,
  jobMessagesVersion,
  type JobRefusal,
  jobSocketVariable,
  maxMessageBytes,
} from "../job/commands/messages.ts";

/** Options of a call of a job command. */
export interface AskJobOptions {
  /** Ends the wait for the answer. */
  readonly signal?: AbortSignal;
}

/** Milliseconds for which a call that finds the job busy is repeated, at growing intervals. */
const busyMs = 60_000;

/**
 * Sends a command to the job that this process belongs to: over the socket in `SIGNALMAN_JOB_SOCKET`, or by a
 * terminal sequence where only `SIGNALMAN_JOB_ANSWERS` is set. Resolves to the command's answer. Waits as long as
 * the command may take; for an answer to a sequence two hours at most.
 *
 * Throws `JOB_REFUSED` with the sentence of a command that refuses, `PLUGIN_FAILED` when its plugin fails,
 * `PLUGIN_SLOW` at its time-out, and `JOB_UNREACHABLE` outside of a job, when no plugin has the command, and when
 * the job does not answer.
 */
export async function askJob(
  message: JobCommandMessage & { readonly do: string },
  env: Readonly<Record<string, string | undefined>>,
  { signal }: AskJobOptions = {},
): Promise<JobCommandAnswer> {
  const path = env[jobSocketVariable];
  const answers = env[jobAnswersVariable];
  if (!path && !answers) {
    throw new AgentError(
      "JOB_UNREACHABLE",
      `not called by a job: neither ${jobSocketVariable} nor ${jobAnswersVariable} is set`,
    );
  }
  const sent: JobMessage = { ...message, version: jobMessagesVersion };
  const line = `${JSON.stringify(sent)}\n`;
  if (Buffer.byteLength(line) > maxMessageBytes) {
    throw new AgentError("USAGE_INVALID", `the message to the job is longer than ${maxMessageBytes} bytes`);
  }
  // Loaded here, since every plugin loads this file with the SDK.
  const { askBySequence, askBySocket } = await import("./job-exchange.ts");
  const ask = () => (path ? askBySocket(path, line, signal) : askBySequence(answers!, sent, signal));
  const endsAt = performance.now() + busyMs;
  for (let pauseMs = 50; ; pauseMs = Math.min(2 * pauseMs, 2000)) {
    const answer = await ask();
    if (answer.is === "done") return answer.answer ?? {};
    if (answer.code !== "busy" || performance.now() > endsAt) throw toError(answer);
    // Many processes that find the job busy at the same time come back at different times.
    await Bun.sleep(pauseMs * (0.5 + Math.random()));
    signal?.throwIfAborted();
  }
}

/** A refusal without a code is one of the first releases. */
function toError({ code, why }: JobAnswer & { readonly is: "refused" }): AgentError {
  const own = codes[code];
  return own === undefined
    ? new AgentError("JOB_UNREACHABLE", `the job refuses: ${why}`)
    : createPluginError(own, why);
}

/** The codes of refusals that name a plugin, or are for the job's user as they are. */
const codes: Partial<Record<JobRefusal, ErrorCode>> = {
  refused: "JOB_REFUSED",
  failed: "PLUGIN_FAILED",
  timeout: "PLUGIN_SLOW",
};
