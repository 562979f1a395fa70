import { type HookEvents, type Logger, toMessage } from "signalman";
import { type Access, type AccessKey, createCredentials } from "../credentials.ts";
import { type Identity, readIdentity, toIdentityPath } from "../identity.ts";
import { bucket } from "../s3/bucket.ts";
import { findAccess, findOwnVariable } from "./access.ts";

export interface SetVariablesOptions {
  /** `cache-url`. */
  readonly url: string;
  readonly logger: Logger;
}

/**
 * Sets the variables by which a job finds the cache. Resolves to the cache; to `undefined` when nothing is set, which
 * the agent's log explains. Never throws: a job runs without a cache as well.
 */
export function setVariables(
  event: HookEvents["job:start"],
  options: SetVariablesOptions,
): Identity | undefined {
  const { job, agent } = event;
  const { logger } = options;
  try {
    // In `run` there is no agent that serves a cache.
    if (agent.stateDirectory === undefined) return undefined;
    const access = findJobAccess(job, logger);
    if (access === undefined) return undefined;
    const path = toIdentityPath(agent.stateDirectory);
    const identity = readIdentity(path);
    if (identity === undefined) {
      logger.warn(`the job gets no cache: "${path}" cannot be read`);
      return undefined;
    }
    const url = findUrl(event, identity, options.url);
    if (url === undefined) {
      logger.info(
        `the job gets no cache: executor "${event.executor}" does not reach this host; set cache-listen and cache-url`,
      );
      return undefined;
    }
    const credentials = createCredentials({ secret: identity.secret, isAlive: () => true });
    exportAccess(event, url, credentials.issue(access));
    return identity;
  } catch (error) {
    logger.warn(`the job gets no cache: ${toMessage(error)}`);
    return undefined;
  }
}

/** Returns the access of a job; `undefined` when it gets none, which the agent's log explains. */
export function findJobAccess(job: HookEvents["job:start"]["job"], logger: Logger): Access | undefined {
  const own = findOwnVariable(job, process.env);
  if (own !== undefined) {
    logger.debug(`the job brings its own cache ("${own}")`);
    return undefined;
  }
  const access = findAccess(job);
  if (typeof access !== "string") return access;
  logger.info(`the job gets no cache: ${access}`);
  return undefined;
}

/** Sets the variables that the toolbox reads. */
export function exportAccess(
  { setVariable }: Pick<HookEvents["job:start"], "setVariable">,
  url: string,
  { id, secret }: AccessKey,
): void {
  setVariable("SEMAPHORE_CACHE_S3_SECRET", secret, { secret: true });
  setVariable("SEMAPHORE_CACHE_S3_KEY", id);
  setVariable("SEMAPHORE_CACHE_S3_BUCKET", bucket);
  setVariable("SEMAPHORE_CACHE_S3_URL", url);
  setVariable("SEMAPHORE_CACHE_BACKEND", "s3");
}

/** Jobs that share this host's network use the loopback address. The others use `cache-url`, or a bridge. */
function findUrl(
  { executor }: HookEvents["job:start"],
  identity: Identity,
  configured: string,
): string | undefined {
  const found = identity.urls[executor];
  return found === identity.url ? found : configured.replace(/\/$/, "") || found;
}
