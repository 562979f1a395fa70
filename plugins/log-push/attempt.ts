import { onAbort } from "signalman";

/** The time-out of one call. */
export interface Attempt extends Disposable {
  /** Aborts after the time-out, and 250 ms after `stop`: an answer that arrives late still says what was delivered. */
  readonly signal: AbortSignal;
  /** Rejects when the signal aborts. */
  readonly aborted: Promise<never>;
}

export function openAttempt(stop: AbortSignal, timeoutMs: number): Attempt {
  const controller = new AbortController();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  aborted.catch(() => {});
  const abort = (reason: unknown): void => {
    controller.abort(reason);
    reject(reason);
  };
  const timers = [setTimeout(() => abort(`no answer within ${timeoutMs / 1000} s`), timeoutMs)];
  const listener = onAbort(stop, () => void timers.push(setTimeout(() => abort(stop.reason), graceMs)));
  return {
    signal: controller.signal,
    aborted,
    [Symbol.dispose]() {
      for (const timer of timers) clearTimeout(timer);
      listener[Symbol.dispose]();
    },
  };
}

const graceMs = 250;
