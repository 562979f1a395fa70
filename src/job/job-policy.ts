import { onAbort } from "../core/aborted.ts";
import type { JobPolicy } from "../core/contracts/job-policy.ts";
import type { JobRequest } from "../core/contracts/job-request.ts";
import type { Logger } from "../core/contracts/logger.ts";
import { isAgentError, toMessage } from "../core/errors.ts";
import { createPluginError, createSlowCallError, findOrigin } from "../core/host/attribution.ts";
import { toDuration } from "../core/host/deadline.ts";
import { toLine } from "../core/text/printable.ts";

export interface JobPolicyOptions {
  readonly policies: ReadonlyMap<string, JobPolicy>;
  readonly logger: Logger;
  /** Aborts when the job is stopped. */
  readonly signal: AbortSignal;
  /** Milliseconds for which the answer of a policy is awaited. Default: 30 s. */
  readonly answerMs?: number | undefined;
}

/**
 * Asks the policies in the order of the configuration. Resolves to the text for the job's user when the job must
 * not run: the first reason, or that a policy could not answer. The agent's log names the plugin. Never rejects;
 * resolves at once when the job is stopped.
 */
export async function findRefusal(job: JobRequest, options: JobPolicyOptions): Promise<string | undefined> {
  const { policies, logger, signal } = options;
  for (const [name, policy] of policies) {
    const { plugin } = findOrigin(policy)!;
    try {
      const reason = await ask(policy, job, options);
      if (signal.aborted) return undefined;
      if (reason === undefined) continue;
      logger.warn(`job refused by plugin "${plugin}": ${toLine(reason, maxLineLength)}`, { job: job.id });
      return reason.slice(0, maxLength);
    } catch (error) {
      if (signal.aborted) return undefined;
      logger.error(
        `plugin "${plugin}" could not decide about the job, which is refused: ${toMessage(error)}`,
        {
          job: job.id,
        },
      );
      return `The policy "${name}" of this agent could not decide whether the job may run.`;
    }
  }
  return undefined;
}

async function ask(
  policy: JobPolicy,
  job: JobRequest,
  { signal, answerMs = 30_000 }: JobPolicyOptions,
): Promise<string | undefined> {
  const stop = new AbortController();
  const { promise: over, resolve, reject } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => {
    reject(createSlowCallError(policy, "check", toDuration(answerMs)));
    stop.abort();
  }, answerMs);
  using _stopped = onAbort(signal, () => {
    resolve(undefined);
    stop.abort();
  });
  const asking = (async () => policy.check({ job, signal: stop.signal }))();
  asking.catch(() => {});
  try {
    const answer: unknown = await Promise.race([asking, over]).catch(toThrownReason);
    if (answer === undefined || (typeof answer === "string" && answer.trim() !== "")) return answer;
    const { plugin, where } = findOrigin(policy)!;
    const fault = `plugin "${plugin}" must return a reason or nothing from ${where}.check`;
    throw createPluginError("PLUGIN_INVALID", `${fault}, not ${toLine(Bun.inspect(answer), maxLineLength)}`);
  } finally {
    clearTimeout(timer);
  }
}

/** A policy may refuse a job as `job:start` does. */
function toThrownReason(error: unknown): string {
  if (isAgentError(error, "JOB_REFUSED")) return error.message;
  throw error;
}

const maxLineLength = 200;
/** Characters of a reason in the job's log. */
const maxLength = 16 * 1024;
