import type { Logger } from "signalman";
import type { HubClient } from "./client.ts";
import { retry } from "./retry.ts";
import type { Attempts } from "./settings.ts";

export interface DisconnectOptions {
  readonly client: Pick<HubClient, "disconnect">;
  readonly attempts: Attempts;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Disconnects (protocol section 2.9). Returns whether the control plane has removed the agent, which includes
 * that it does not know it. All attempts together are limited to the time of attempts that fail at once, plus
 * 30 s.
 */
export async function disconnect({ client, attempts, logger, signal }: DisconnectOptions): Promise<boolean> {
  logger.info("Disconnecting the Agent from Semaphore");
  const late = AbortSignal.timeout(
    Math.min(attempts.count * attempts.intervalMs + lastCallMs, longestTimerMs),
  );
  const over = AbortSignal.any([signal, late]);
  const reply = await retry(() => client.disconnect(over), {
    attempts,
    signal: over,
    canRecover: ({ status }) => status !== 404,
    onRetry: ({ message }, attempt) =>
      logger.debug(`disconnect failed: ${message} (attempt ${attempt} of ${attempts.count})`),
  });
  if (reply.ok || reply.failure.status === 404) {
    logger.info("Disconnected.");
    return true;
  }
  logger.error(`Failed to disconnect from Semaphore: ${reply.failure.message}`);
  return false;
}

const lastCallMs = 30_000;
/** A longer timer would fire after 1 ms. */
const longestTimerMs = 2 ** 31 - 1;
