import type { StopCause } from "../core/contracts/stop-cause.ts";
import { toStopError } from "../core/stop-cause.ts";

/** How a job ends before its time: it is stopped, its processes are ended, and it is killed. */
export interface StopControl {
  /** Aborts when the job is stopped: no further command starts. */
  readonly stopped: AbortSignal;
  /** Aborts when the job's processes are ended. Plugins may delay it after a stop. */
  readonly ending: AbortSignal;
  /** Aborts when the job is killed. */
  readonly killed: AbortSignal;
  /** Only the first call has an effect on what plugins do. */
  stop(cause: StopCause): void;
  kill(cause: StopCause): void;
  /** Resolves when no plugin delays the stop any more; at once without a stop. */
  whenEnding(): Promise<void>;
  /** The job's result is decided: plugins do not delay a later stop. */
  decided(): void;
}

export interface StopControlOptions {
  /** Milliseconds from SIGTERM to SIGKILL (`stop-grace-period`). */
  readonly graceMs: number;
  /** Ends the job's processes. */
  readonly end: (graceMs: number) => void;
  /**
   * Calls the plugins that act before that; never rejects. `undefined`: there are none, or the job has no
   * session.
   */
  readonly before: (cause: StopCause) => Promise<void> | undefined;
}

export function createStopControl({ graceMs, end, before }: StopControlOptions): StopControl {
  const stopping = new AbortController();
  const ending = new AbortController();
  const killing = new AbortController();
  let delay: Promise<void> | undefined;
  let isDecided = false;

  function endNow(ms: number): void {
    ending.abort(stopping.signal.reason);
    end(ms);
  }

  return {
    stopped: stopping.signal,
    ending: ending.signal,
    killed: killing.signal,
    stop(cause) {
      const isFirst = !stopping.signal.aborted;
      stopping.abort(toStopError(cause));
      if (isFirst && !isDecided) delay = before(cause)?.then(() => endNow(graceMs));
      if (delay === undefined || ending.signal.aborted) endNow(graceMs);
    },
    kill(cause) {
      const error = toStopError(cause);
      stopping.abort(error);
      killing.abort(error);
      endNow(0);
    },
    whenEnding: async () => delay,
    decided: () => void (isDecided = true),
  };
}
