import type { LogBackend, LogDelivery } from "../core/contracts/log-backend.ts";
import type { Logger } from "../core/contracts/logger.ts";
import { toMessage } from "../core/errors.ts";
import { createSlowCallError } from "../core/host/attribution.ts";
import { toDuration, withDeadline } from "../core/host/deadline.ts";
import { afterAbort } from "../core/aborted.ts";

/** Milliseconds that a backend has after its signal was aborted, and for its disposal. */
const usualLimitMs = 10_000;

/**
 * Runs a log backend and disposes it. Rejects with an error that names the plugin when it has not returned 10
 * s after `signal` aborted.
 */
export async function runBackend(
  backend: LogBackend,
  { signal, logger, limitMs = usualLimitMs }: { signal: AbortSignal; logger: Logger; limitMs?: number },
): Promise<LogDelivery> {
  const late = Promise.withResolvers<never>();
  const expire = () =>
    late.reject(createSlowCallError(backend, "run", `${toDuration(limitMs)} after its time was over`));
  const wait = afterAbort(signal, limitMs, expire);
  try {
    return await Promise.race([(async () => backend.run(signal))(), late.promise]);
  } finally {
    wait[Symbol.dispose]();
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
