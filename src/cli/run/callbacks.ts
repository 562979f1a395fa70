import { sendCallback } from "../../agent/send-callback.ts";
import type { JobResult } from "../../core/contracts/job-events.ts";
import type { JobRequest } from "../../core/contracts/job-request.ts";
import type { Logger } from "../../core/contracts/logger.ts";

/**
 * Sends the callbacks of a job (protocol section 8.4): `finished` and, once that has been delivered,
 * `teardown_finished`. Gives up when `signal` aborts, and when the server refuses.
 */
export async function sendCallbacks(
  { finished, teardownFinished, token }: JobRequest["callbacks"],
  result: JobResult,
  context: { readonly logger: Logger; readonly signal: AbortSignal },
): Promise<void> {
  if (finished === "") return;
  const options = { ...context, token, attempts: 60, intervalMs: 1000, isFinal: isRefusal };
  const isKnown = await sendCallback({ ...options, name: "finished", url: finished, body: { result } });
  if (isKnown) await sendCallback({ ...options, name: "teardown_finished", url: teardownFinished, body: {} });
}

/** Whether another attempt would be answered in the same way. */
function isRefusal(status: number): boolean {
  return status < 500 && ![404, 408, 409, 425, 429].includes(status);
}
