import { setTimeout as sleep } from "node:timers/promises";
import { createOutageLog, type Logger, toMessage } from "signalman";

export interface CallbackOptions {
  /** `finished` or `teardown_finished`, for messages. */
  readonly name: string;
  readonly url: string;
  readonly body: object;
  /** Sent as `Authorization: Bearer <token>` unless it is empty. */
  readonly token: string;
  readonly attempts: number;
  readonly intervalMs: number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Sends a callback until it is answered with 2xx (protocol section 8.3). Resolves to `false` when every
 * attempt failed or the signal aborted. An empty URL needs no call.
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
    if (attempt >= attempts) {
      logger.error(`callback "${name}" failed after ${attempt} attempts: ${fault}`, { url: toOrigin(url) });
      return false;
    }
    outage.failed(fault);
    await sleep(intervalMs, undefined, { signal }).catch(() => {});
  }
  return false;
}

const timeoutMs = 30_000;

/**
 * Returns `undefined` after an answer with 2xx, otherwise the reason. A redirect is not followed, so that the
 * token stays with its server.
 */
async function post({ url, body, token, signal }: CallbackOptions): Promise<string | undefined> {
  try {
    const response = await fetch(url, {
      method: "POST",
      body: JSON.stringify(body),
      headers: {
        "Content-Type": "application/json",
        ...(token !== "" && { Authorization: `Bearer ${token}` }),
      },
      redirect: "manual",
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    await response.body?.cancel();
    return response.ok ? undefined : `status ${response.status}`;
  } catch (error) {
    return toMessage(error);
  }
}

/** Paths and queries of callbacks may contain secrets. */
function toOrigin(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : "(not a URL)";
}
