import { onAbort } from "signalman";

/** A limit for each step of a request. */
export interface Deadline extends Disposable {
  /** Aborts when a step takes too long, and when the deadline is disposed, which cancels what is not done. */
  readonly signal: AbortSignal;
  /** A step is done, and the next one begins. */
  extend(): void;
}

/** `stopped` ends the request as well. */
export function createDeadline(ms: number, stopped?: AbortSignal): Deadline {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(new Error(`no answer within ${ms / 1000} s`)), ms);
  const listener = onAbort(stopped, () => over.abort(stopped!.reason));
  return {
    signal: over.signal,
    extend: () => void timer.refresh(),
    [Symbol.dispose]() {
      clearTimeout(timer);
      listener[Symbol.dispose]();
      over.abort(new Error("the request is done"));
    },
  };
}
