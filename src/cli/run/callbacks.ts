import { setTimeout as sleep } from "node:timers/promises";
import type { JobResult } from "../../core/contracts/job-events.ts";
import type { JobRequest } from "../../core/contracts/job-request.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { toMessage } from "../../core/errors.ts";
import { boundedFetch, readBody } from "../../os/response-body.ts";

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
  for (let attempt = 1; ; attempt++) {
    const fault = await post(url, body, token, signal);
    if (fault === undefined) return true;
    const isLast = attempt === attempts || signal.aborted || fault.isPermanent;
    if (isLast) logger.error(`callback could not be sent: ${fault.message}`, { attempts: attempt });
    if (isLast || (await isAborted(signal))) return false;
  }
}

interface Fault {
  readonly message: string;
  readonly isPermanent: boolean;
}

/** The address comes from the job file, so that the answer may be of any size. */
async function post(
  url: string,
  body: object,
  token: string,
  signal: AbortSignal,
): Promise<Fault | undefined> {
  try {
    const response = await fetch(url, {
      ...boundedFetch,
      method: "POST",
      body: JSON.stringify(body),
      headers: {
        ...boundedFetch.headers,
        "Content-Type": "application/json",
        ...(token !== "" && { Authorization: `Bearer ${token}` }),
      },
      redirect: "manual",
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    const { status, statusText } = response;
    // The status is the whole answer; the rest is read so that the connection ends in order.
    await readBody(response, maxAnswerBytes).catch(() => undefined);
    if (status < 400) return undefined;
    const isPermanent = status < 500 && !temporaryStatuses.has(status);
    return { message: `[POST] "${url}": ${status} ${statusText}`.trimEnd(), isPermanent };
  } catch (error) {
    return { message: toMessage(error), isPermanent: false };
  }
}

const maxAnswerBytes = 16 * 1024;

/** Client errors that another attempt may not meet. */
const temporaryStatuses: ReadonlySet<number> = new Set([404, 408, 409, 425, 429]);

/** Waits for the next attempt. Resolves to `true` if `signal` aborts. */
function isAborted(signal: AbortSignal): Promise<boolean> {
  return sleep(delayMs, false, { signal }).catch(() => true);
}
