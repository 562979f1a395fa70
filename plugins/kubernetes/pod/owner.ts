import type { Logger } from "signalman";
import { toMessage } from "signalman";
import type { Client } from "../client/client.ts";
import { ownNamespace } from "../client/connection.ts";
import { getPod } from "../client/resources.ts";

/**
 * Returns an owner reference to the agent's own pod, so that the cluster deletes the objects of jobs with it.
 * Resolves to `undefined` when the agent does not run in a pod of this namespace.
 */
export async function findOwner(
  client: Client,
  options: {
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly logger: Logger;
    readonly signal: AbortSignal;
  },
): Promise<object | undefined> {
  const { env, logger, signal } = options;
  const { connection } = client;
  if (!connection.isInCluster || ownNamespace() !== connection.namespace) return undefined;
  const names = [env["KUBERNETES_POD_NAME"], env["HOSTNAME"], env["SEMAPHORE_AGENT_NAME"]].filter(
    (name) => name,
  );
  for (const name of new Set(names as string[])) {
    try {
      const { metadata } = await getPod(client, name, { signal, retryMs: 2000 });
      return { apiVersion: "v1", kind: "Pod", name: metadata.name, uid: metadata.uid };
    } catch (error) {
      signal.throwIfAborted();
      logger.debug(`"${name}" is not the agent's own pod: ${toMessage(error)}`);
    }
  }
  logger.warn(
    "the agent's own pod was not found, so jobs' pods have no owner; set KUBERNETES_POD_NAME to \"metadata.name\"",
  );
  return undefined;
}
