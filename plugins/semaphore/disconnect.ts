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
 * Takes leave (protocol section 2.9). Whether the control plane has let the agent go; it also has when it does not know it. However slowly
 * the calls fail, the attempts together take little longer than calls that fail at once.
 */
export async function disconnect({ client, attempts, logger, signal }: DisconnectOptions): Promise<boolean> {
  logger.info("Disconnecting the Agent from Semaphore");
  const late = AbortSignal.timeout(attempts.count * attempts.intervalMs + lastCallMs);
  const over = AbortSignal.any([signal, late]);
  const reply = await retry(() => client.disconnect(over), {
    attempts,
    signal: over,
    canHeal: ({ status }) => status !== 404,
    onRetry: ({ message }, attempt) =>
      logger.debug(`could not disconnect: ${message} (attempt ${attempt} of ${attempts.count})`),
  });
  if (reply.ok || reply.failure.status === 404) {
    logger.info("Disconnected.");
    return true;
  }
  logger.error(`Failed to disconnect from Semaphore: ${reply.failure.message}`);
  return false;
}

const lastCallMs = 30_000;
