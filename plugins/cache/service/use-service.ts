import { type HookEvents, type Logger, toMessage } from "signalman";
import { createCredentials } from "../credentials.ts";
import { showUse } from "../job/report-use.ts";
import { exportAccess, findJobAccess } from "../job/set-variables.ts";
import { endJob } from "./end-job.ts";
import { toSharedSecret } from "./shared-secret.ts";

export interface UseServiceOptions {
  /** `cache-url`. */
  readonly url: string;
  /** `cache-secret`. */
  readonly secret: string;
  readonly logger: Logger;
}

/**
 * Gives a job access to a cache of `cache serve`. Returns what is to be done at the job's end: its key ends, and its
 * log gets the block `Cache`. Never throws: a job runs without a cache as well.
 */
export function useService(
  event: HookEvents["job:start"],
  { url, secret, logger }: UseServiceOptions,
): ((event: HookEvents["job:finish"]) => Promise<void>) | undefined {
  try {
    const access = findJobAccess(event.job, logger);
    if (access === undefined) return undefined;
    const credentials = createCredentials({ secret: toSharedSecret(secret), isAlive: () => true });
    const key = credentials.issue({ ...access, expiresAt: Math.floor(Date.now() / 1000) + longestSeconds });
    const base = url.replace(/\/$/, "");
    exportAccess(event, base, key);
    return async ({ log }) => {
      const use = await endJob(base, key).catch(
        (error: unknown) => void logger.debug(`the key of the job could not be ended: ${toMessage(error)}`),
      );
      if (use !== undefined) await showUse(log, use);
    };
  } catch (error) {
    logger.warn(`the job gets no cache: ${toMessage(error)}`);
    return undefined;
  }
}

/** A day. */
const longestSeconds = 24 * 3600;
