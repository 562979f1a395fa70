import { setTimeout as sleep } from "node:timers/promises";
import { type Logger, parseRetryAfter, toMessage } from "signalman";

export interface OutboxOptions {
  readonly url: string;
  readonly logger: Logger;
  readonly retryDelayMs: number;
  /** Aborts when the agent leaves: from then on nothing waits, and each message has one more attempt. */
  readonly leaving: AbortSignal;
}

/** Messages on their way to a webhook, one after another. */
export interface Outbox {
  /** Returns at once. When too many wait already, the message is dropped, and that is logged. */
  post(text: string): void;
  /** Resolves when all messages are posted or given up; for when the agent leaves. Never rejects. */
  flush(): Promise<void>;
}

const maxWaiting = 100;
const maxAttempts = 5;
const requestTimeoutMs = 10_000;
/** A webhook may ask for a longer pause, but not for any. */
const maxPauseMs = 60_000;
/** A clean-up has 5 s. */
const flushMs = 4000;

export function createOutbox(options: OutboxOptions): Outbox {
  const { logger } = options;
  const waiting: string[] = [];
  const over = new AbortController();
  let working: Promise<void> | undefined;

  async function work(): Promise<void> {
    for (let text = waiting[0]; text !== undefined && !over.signal.aborted; text = waiting[0]) {
      const fault = await deliver(text, options, over.signal);
      if (fault) logger.error(`a message was not posted: ${fault}`, { text });
      waiting.shift();
    }
    working = undefined;
  }

  return {
    post(text) {
      if (waiting.length >= maxWaiting) {
        logger.error(`a message was not posted: ${maxWaiting} wait already`, { text });
        return;
      }
      waiting.push(text);
      working ??= work();
    },
    async flush() {
      const timer = setTimeout(() => over.abort(), flushMs);
      await working;
      clearTimeout(timer);
      if (waiting.length > 0) logger.error(`${waiting.length} more messages were not posted: the agent left`);
    },
  };
}

/** Resolves to why it was given up; `undefined`: it was posted. */
async function deliver(text: string, options: OutboxOptions, over: AbortSignal): Promise<string | undefined> {
  const { leaving, retryDelayMs } = options;
  for (let attempt = 1; ; attempt += 1) {
    // The last attempt is the one that began when the agent was leaving.
    const isLast = attempt === maxAttempts || leaving.aborted;
    const answer = await attemptPost(options.url, text, over);
    if (answer === "posted") return undefined;
    if (isLast || !answer.mayPass) return answer.fault;
    const pause = answer.retryAfterMs ?? retryDelayMs * 2 ** (attempt - 1) * (0.5 + Math.random());
    await sleep(Math.min(pause, maxPauseMs), undefined, { signal: leaving }).catch(() => {});
  }
}

type Answer =
  | "posted"
  | { readonly fault: string; readonly mayPass: boolean; readonly retryAfterMs?: number | undefined };

async function attemptPost(url: string, text: string, over: AbortSignal): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ text }),
      // Its address is a secret, which nobody else is told.
      redirect: "manual",
      signal: AbortSignal.any([over, AbortSignal.timeout(requestTimeoutMs)]),
    });
    await response.body?.cancel();
    if (response.ok) return "posted";
    const { status, headers } = response;
    const mayPass = status >= 500 || status === 429 || status === 408;
    return {
      fault: `the webhook answered ${status}`,
      mayPass,
      retryAfterMs: parseRetryAfter(headers.get("retry-after")),
    };
  } catch (error) {
    return { fault: toMessage(error), mayPass: true };
  }
}
