import { setTimeout as sleep } from "node:timers/promises";
import { toMessage } from "../../core/errors.ts";
import type { JobRequest } from "../../core/contracts/job-request.ts";
import type { JobResult } from "../../core/contracts/job-events.ts";
import type { Logger } from "../../core/contracts/logger.ts";

/** As the reference does it: this often, this long apart (protocol section 8.4). */
const attempts = 60;
const delayMs = 1000;

/**
 * Sends the callbacks of a job: `finished`, then, when that arrived, `teardown_finished` (protocol section 8.3). Gives up when `signal`
 * aborts.
 */
export async function sendCallbacks(
  callbacks: JobRequest["callbacks"],
  result: JobResult,
  options: { logger: Logger; signal: AbortSignal },
): Promise<void> {
  const { finished, teardownFinished, token } = callbacks;
  if (finished === "" || !(await send(finished, { result }, token, options))) return;
  if (teardownFinished !== "") await send(teardownFinished, {}, token, options);
}

async function send(
  url: string,
  body: object,
  token: string,
  { logger, signal }: { logger: Logger; signal: AbortSignal },
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
      const { status } = error as { status?: number };
      const isFinal = status !== undefined && status < 500 && !healing.has(status);
      const isLast = attempt === attempts || signal.aborted || isFinal;
      if (isLast) logger.error(`the callback could not be sent: ${toMessage(error)}`, { attempts: attempt });
      if (isLast || (await isAborted(signal))) return false;
    }
  }
}

const timeoutMs = 30_000;
/** Refusals that may be over the next time. */
const healing: ReadonlySet<number> = new Set([404, 408, 409, 425, 429]);

/** Waits for the next attempt. */
function isAborted(signal: AbortSignal): Promise<boolean> {
  return sleep(delayMs, false, { signal }).catch(() => true);
}
