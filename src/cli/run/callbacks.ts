import { setTimeout as sleep } from "node:timers/promises";
import type { JobResult } from "../../core/contracts/job-events.ts";
import type { JobRequest } from "../../core/contracts/job-request.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { toMessage } from "../../core/errors.ts";

/** Attempts for each callback, and the delay between two of them (protocol section 8.4). */
const attempts = 60;
const delayMs = 1000;
/** Time-out of one attempt. */
const timeoutMs = 30_000;

/**
 * Sends the callbacks of a job: `finished` and, once that has been delivered, `teardown_finished` (protocol section 8.3). Gives up when
 * `signal` aborts.
 */
export async function sendCallbacks(
  callbacks: JobRequest["callbacks"],
  result: JobResult,
  options: { readonly logger: Logger; readonly signal: AbortSignal },
): Promise<void> {
  const { finished, teardownFinished, token } = callbacks;
  if (finished === "" || !(await send(finished, { result }, token, options))) return;
  if (teardownFinished !== "") await send(teardownFinished, {}, token, options);
}

/** Returns whether the callback was delivered. */
async function send(
  url: string,
  body: object,
  token: string,
  { logger, signal }: { readonly logger: Logger; readonly signal: AbortSignal },
): Promise<boolean> {
  const { ofetch } = await import("ofetch");
  for (let attempt = 1; ; attempt++) {
    try {
      await ofetch(url, {
        method: "POST",
        body,
        headers: token === "" ? {} : { Authorization: `Bearer ${token}` },
        redirect: "manual",
        retry: 0,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      return true;
    } catch (error) {
      const isLast = attempt === attempts || signal.aborted || isPermanent(error);
      if (isLast) logger.error(`callback could not be sent: ${toMessage(error)}`, { attempts: attempt });
      if (isLast || (await isAborted(signal))) return false;
    }
  }
}

/** Client errors that another attempt may not meet. */
const temporaryStatuses: ReadonlySet<number> = new Set([404, 408, 409, 425, 429]);

function isPermanent(error: unknown): boolean {
  const { status } = error as { readonly status?: number };
  return status !== undefined && status < 500 && !temporaryStatuses.has(status);
}

/** Waits for the next attempt. Resolves to `true` if `signal` aborts. */
function isAborted(signal: AbortSignal): Promise<boolean> {
  return sleep(delayMs, false, { signal }).catch(() => true);
}
