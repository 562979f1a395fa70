import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "signalman";
import { isApiError } from "../client/api-error.ts";
import type { Client } from "../client/client.ts";
import { durationMs } from "./lease.ts";
import type { LeaseGuard } from "./lease-guard.ts";

/**
 * Returns a client for the job of an agent that has a lease. With a pod its token ends, also while the containers of a
 * force-deleted pod still run: the job is left to the next agent. Calls are repeated until the guard ends this process,
 * or the server accepts the token again. Calls without a limit of their own wait as long for a server that cannot be
 * reached.
 */
export function createPatientClient(
  client: Client,
  {
    guard,
    logger,
    limitMs = durationMs,
    pauseMs = 1000,
  }: {
    readonly guard: Pick<LeaseGuard, "isHeld" | "check">;
    readonly logger: Logger;
    /** For tests. */
    readonly limitMs?: number;
    readonly pauseMs?: number;
  },
): Client {
  if (!guard.isHeld) return client;
  let isLogged = false;
  async function wait<T>(attempt: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    for (const until = performance.now() + limitMs; ;) {
      try {
        return await attempt();
      } catch (error) {
        if (!isApiError(error, 401) || performance.now() > until) throw error;
        guard.check();
        if (!isLogged)
          logger.warn(`the job waits, as the agent's pod may have been deleted: ${error.message}`);
        isLogged = true;
        await sleep(pauseMs, undefined, signal && { signal });
      }
    }
  }
  return {
    connection: client.connection,
    call: (method, path, options) =>
      wait(() => client.call(method, path, { retryMs: limitMs, ...options }), options?.signal),
    open: (path, options) => wait(() => client.open(path, options), options.signal),
  };
}
