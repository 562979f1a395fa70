import { setTimeout as sleep } from "node:timers/promises";
import type { Interruption, Logger } from "signalman";

/**
 * Waits for commands that fail when their job's process ends, such as a checkout from a mirror. Resolves to `false`
 * when one still runs after `limitMs`. Bounded, because the agent takes other jobs meanwhile.
 */
export async function isUnserved(
  { areServed }: Pick<Interruption, "areServed">,
  { logger, signal, limitMs = 20_000 }: ServedOptions,
): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  for (let isLogged = false; await areServed(); isLogged = true) {
    if (performance.now() >= deadline) return false;
    if (!isLogged) logger.info("the hand-over waits for a command that uses what its job's process serves");
    await sleep(pollMs, undefined, { signal });
  }
  return true;
}

interface ServedOptions {
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Milliseconds; replaced by tests. */
  readonly limitMs?: number;
}

const pollMs = 200;
