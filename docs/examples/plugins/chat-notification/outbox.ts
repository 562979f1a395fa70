import { setTimeout as sleep } from "node:timers/promises";
import { type Logger, toMessage, parseRetryAfter } from "signalman";

export interface OutboxOptions {
  readonly url: string;
  readonly logger: Logger;
  readonly retryDelayMs: number;
  /** Called with the number of queued messages when it has changed. */
  readonly onWaiting: (messages: number) => void;
  /** Aborts when the agent shuts down: each queued message then has one attempt without delay. */
  readonly shutdown: AbortSignal;
}

/** Queues messages for a webhook and posts them one after another. */
export interface Outbox {
  /** Queues a message and returns at once. When the queue is full, the message is dropped and the loss is logged. */
  post(text: string): void;
  /** Resolves when all messages are posted or dropped. Call it when the agent shuts down. Never rejects. */
  flush(): Promise<void>;
}

const maxWaiting = 100;
const maxAttempts = 5;
const requestTimeoutMs = 10_000;
/** Longest pause that a webhook can request. */
const maxPauseMs = 60_000;
/** Must be less than the 5 s of a clean-up. */
const flushMs = 4000;

export function createOutbox(options: OutboxOptions): Outbox {
  const { logger } = options;
  const waiting: string[] = [];
  const over = new AbortController();
  let working: Promise<void> | undefined;

  async function work(): Promise<void> {
    for (let text = waiting[0]; text !== undefined && !over.signal.aborted; text = waiting[0]) {
      const fault = await deliver(text, options, over.signal);
      if (fault) logger.error(`message could not be posted: ${fault}`, { text });
      waiting.shift();
      options.onWaiting(waiting.length);
    }
    working = undefined;
  }

  return {
    post(text) {
      if (waiting.length >= maxWaiting) {
        logger.error(`message dropped: ${maxWaiting} messages are already queued`, { text });
        return;
      }
      waiting.push(text);
      options.onWaiting(waiting.length);
      working ??= work();
    },
    async flush() {
      const timer = setTimeout(() => over.abort(), flushMs);
      await working;
      clearTimeout(timer);
      if (waiting.length > 0)
        logger.error(`${waiting.length} more messages could not be posted: the agent shut down`);
    },
  };
}

/** Posts a message with retries. Resolves to the reason of a failure, or to `undefined` when the message was posted. */
async function deliver(text: string, options: OutboxOptions, over: AbortSignal): Promise<string | undefined> {
  const { shutdown, retryDelayMs } = options;
  for (let attempt = 1; ; attempt += 1) {
    // An attempt that begins during the shutdown is the last one.
    const isLast = attempt === maxAttempts || shutdown.aborted;
    const answer = await attemptPost(options.url, text, over);
    if (answer === "posted") return undefined;
    if (isLast || !answer.canRetry) return answer.fault;
    const pause = answer.retryAfterMs ?? retryDelayMs * 2 ** (attempt - 1) * (0.5 + Math.random());
    await sleep(Math.min(pause, maxPauseMs), undefined, { signal: shutdown }).catch(() => {});
  }
}

type Answer =
  | "posted"
  | { readonly fault: string; readonly canRetry: boolean; readonly retryAfterMs?: number | undefined };

async function attemptPost(url: string, text: string, over: AbortSignal): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ text }),
      // A redirect could send the message to another host.
      redirect: "manual",
      signal: AbortSignal.any([over, AbortSignal.timeout(requestTimeoutMs)]),
    });
    await response.body?.cancel();
    if (response.ok) return "posted";
    const { status, headers } = response;
    const canRetry = status >= 500 || status === 429 || status === 408;
    return {
      fault: `the webhook answered ${status}`,
      canRetry,
      retryAfterMs: parseRetryAfter(headers.get("retry-after")),
    };
  } catch (error) {
    return { fault: toMessage(error), canRetry: true };
  }
}
