import { setTimeout as sleep } from "node:timers/promises";
import type { LogBackend, LogDelivery } from "../core/contracts/log-backend.ts";
import type { Logger } from "../core/contracts/logger.ts";
import { toMessage } from "../core/errors.ts";
import { createSlowCallError } from "../core/host/attribution.ts";
import { toDuration, withDeadline } from "../core/host/deadline.ts";
import { aborted } from "../os/aborted.ts";

/** Milliseconds that a backend has after its signal was aborted, and for its disposal. */
const usualLimitMs = 10_000;

/** Runs a log backend and disposes it. Rejects with an error that names the plugin when it has not returned 10 s after `signal` aborted. */
export async function runBackend(
  backend: LogBackend,
  { signal, logger, limitMs = usualLimitMs }: { signal: AbortSignal; logger: Logger; limitMs?: number },
): Promise<LogDelivery> {
  const ended = new AbortController();
  const late = async (): Promise<never> => {
    await aborted(signal);
    await sleep(limitMs, undefined, { signal: ended.signal });
    throw createSlowCallError(backend, "run", `${toDuration(limitMs)} after its time was over`);
  };
  const expiry = late();
  expiry.catch(() => {});
  try {
    return await Promise.race([backend.run(signal), expiry]);
  } finally {
    ended.abort();
    await dispose(backend, logger, limitMs);
  }
}

async function dispose(backend: LogBackend, logger: Logger, limitMs: number): Promise<void> {
  const toError = () => createSlowCallError(backend, "asyncDispose", toDuration(limitMs));
  try {
    await withDeadline((async () => backend[Symbol.asyncDispose]())(), limitMs, toError);
  } catch (error) {
    logger.error(toMessage(error));
  }
}
