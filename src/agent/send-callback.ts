import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../core/contracts/logger.ts";
import { toMessage } from "../core/errors.ts";
import { boundedFetch, readBody } from "../os/network/response-body.ts";
import { createOutageLog } from "./outage-log.ts";

export interface CallbackOptions {
  /** `finished` or `teardown_finished`, for messages. */
  readonly name: string;
  readonly url: string;
  readonly body: object;
  /** Sent as `Authorization: Bearer <token>` unless it is empty. */
  readonly token: string;
  readonly attempts: number;
  readonly intervalMs: number;
  /** Returns whether an answer with this status ends the attempts. Left out: none does. */
  readonly isFinal?: (status: number) => boolean;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Sends a callback of a job until it is answered with 2xx (protocol section 8.3). Resolves to `false` when
 * every attempt failed or the signal aborted. An empty URL needs no call.
 */
export async function sendCallback(options: CallbackOptions): Promise<boolean> {
  const { name, url, attempts, intervalMs, logger, signal } = options;
  if (url === "") return true;
  const outage = createOutageLog({
    logger,
    level: "warn",
    fields: { url: toOrigin(url) },
    describeFailure: (reason) => `callback "${name}" failed, trying again: ${reason}`,
    recovery: `callback "${name}" succeeded again`,
  });
  for (let attempt = 1; !signal.aborted; attempt++) {
    const fault = await post(options);
    if (fault === undefined) {
      outage.recovered();
      return true;
    }
    if (attempt >= attempts || fault.isFinal) {
      const text = `callback "${name}" failed after ${attempt} ${attempt === 1 ? "attempt" : "attempts"}`;
      logger.error(`${text}: ${fault.message}`, { url: toOrigin(url) });
      return false;
    }
    outage.failed(fault.message);
    await sleep(intervalMs, undefined, { signal }).catch(() => {});
  }
  return false;
}

const timeoutMs = 30_000;
const maxAnswerBytes = 16 * 1024;

/**
 * Returns `undefined` after an answer with 2xx. A redirect is not followed, so that the token stays with its
 * server.
 */
async function post({
  url,
  body,
  token,
  isFinal = () => false,
  signal,
}: CallbackOptions): Promise<{ readonly message: string; readonly isFinal: boolean } | undefined> {
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
    const { ok, status } = response;
    // The status is the whole answer; the rest is read so that the connection ends in order.
    await readBody(response, maxAnswerBytes).catch(() => undefined);
    return ok ? undefined : { message: `status ${status}`, isFinal: isFinal(status) };
  } catch (error) {
    return { message: toMessage(error), isFinal: false };
  }
}

/** Paths and queries of callbacks may contain secrets. */
function toOrigin(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : "(not a URL)";
}
