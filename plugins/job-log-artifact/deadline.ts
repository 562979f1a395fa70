import { onAbort } from "signalman";

/** Longest time between SIGTERM and SIGKILL. */
const longestGraceMs = 5000;

export interface Deadline extends Disposable {
  /** Aborts when the program must terminate. */
  readonly soft: AbortSignal;
  /** Aborts when the program must be killed. */
  readonly hard: AbortSignal;
  /** The reason after `soft` has aborted. */
  readonly fault: string | undefined;
}

/** Creates a deadline. `signal` aborts both signals at once. */
export function createDeadline(durationMs: number, signal: AbortSignal): Deadline {
  const soft = new AbortController();
  const hard = new AbortController();
  let fault: string | undefined;
  const abort = (controllers: readonly AbortController[], why: string) => {
    fault ??= why;
    for (const controller of controllers) controller.abort(new Error(fault));
  };
  const late = `time-out after ${durationMs / 1000} seconds`;
  const graceMs = Math.min(longestGraceMs, durationMs / 5);
  const timers = [
    setTimeout(() => abort([soft], late), durationMs - graceMs),
    setTimeout(() => abort([hard], late), durationMs),
  ];
  const listener = onAbort(signal, () => abort([soft, hard], "the agent shuts down"));
  return {
    soft: soft.signal,
    hard: hard.signal,
    get fault() {
      return fault;
    },
    [Symbol.dispose]() {
      timers.forEach(clearTimeout);
      listener[Symbol.dispose]();
    },
  };
}
