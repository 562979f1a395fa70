import { afterAbort, onAbort } from "../core/aborted.ts";
import { freshSessionMs } from "./run-in-fresh-session.ts";

export interface HookWaitOptions {
  /** Aborts when the job is stopped. */
  readonly stopped: AbortSignal;
  /** Aborts when the job is killed. */
  readonly killed: AbortSignal;
  /** Milliseconds from SIGTERM to SIGKILL of a stopped job (`stop-grace-period`). */
  readonly stopGraceMs: number;
  /** Called when the listeners are no longer awaited. */
  readonly onGivenUp: () => void;
}

/**
 * Waits for a hook's listeners as long as the job runs. After a stop the wait ends with the grace period; a
 * hook that begins after the stop has 30 s more, in which it may run a command in a new session. A kill ends
 * the wait at once.
 */
export async function waitForHook(work: Promise<void>, options: HookWaitOptions): Promise<void> {
  const { stopped, killed, stopGraceMs } = options;
  const givenUp = Promise.withResolvers<void>();
  const giveUp = () => {
    options.onGivenUp();
    givenUp.resolve();
  };
  if (killed.aborted) return;
  const extraMs = stopped.aborted ? freshSessionMs : 0;
  using _stop = afterAbort(stopped, stopGraceMs + extraMs, giveUp);
  using _kill = onAbort(killed, () => givenUp.resolve());
  await Promise.race([work, givenUp.promise]);
}
