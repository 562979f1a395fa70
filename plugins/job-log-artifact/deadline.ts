/** A program is asked to end a while before it is killed. */
const longestGraceMs = 5000;

export interface Deadline extends Disposable {
  /** Time to come to an end. */
  readonly soft: AbortSignal;
  /** Time is over. */
  readonly hard: AbortSignal;
  /** Why, once `soft` has aborted. */
  readonly fault: string | undefined;
}

/** `signal` ends both at once. */
export function createDeadline(durationMs: number, signal: AbortSignal): Deadline {
  const soft = new AbortController();
  const hard = new AbortController();
  let fault: string | undefined;
  const abort = (controllers: readonly AbortController[], why: string) => {
    fault ??= why;
    for (const controller of controllers) controller.abort(new Error(fault));
  };
  const late = `it took longer than ${durationMs / 1000} seconds`;
  const leave = () => abort([soft, hard], "the agent leaves");
  const graceMs = Math.min(longestGraceMs, durationMs / 5);
  const timers = [
    setTimeout(() => abort([soft], late), durationMs - graceMs),
    setTimeout(() => abort([hard], late), durationMs),
  ];
  signal.addEventListener("abort", leave);
  if (signal.aborted) leave();
  return {
    soft: soft.signal,
    hard: hard.signal,
    get fault() {
      return fault;
    },
    [Symbol.dispose]() {
      timers.forEach(clearTimeout);
      signal.removeEventListener("abort", leave);
    },
  };
}
