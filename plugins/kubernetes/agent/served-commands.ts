import { setTimeout as sleep } from "node:timers/promises";
import type { Interruption, Logger } from "signalman";

/**
 * Waits for commands that fail when their job's process ends. Resolves to whether they have ended within `limitMs`, a
 * bound because the agent takes other jobs meanwhile.
 */
export async function waitForServedCommands(
  { areServed }: Pick<Interruption, "areServed">,
  { logger, signal, limitMs = 20_000 }: ServedOptions,
): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  for (let isLogged = false; await areServed(); isLogged = true) {
    if (performance.now() >= deadline) return false;
    if (!isLogged) logger.info(`the hand-over waits for ${servedCommand}`);
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

/** What the agent's log calls such a command. */
export const servedCommand = "a command that its job's process serves, such as a checkout from a git mirror";

const pollMs = 200;
