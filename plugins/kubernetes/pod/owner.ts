import { AgentError, type Logger, toMessage } from "signalman";
import { findOwnPod, isInOwnNamespace } from "../agent/own-pod.ts";
import { isApiError } from "../client/api-error.ts";
import type { Client } from "../client/client.ts";
import { getConfigMap } from "../client/resources.ts";

/**
 * Returns an owner reference for a job's objects, with which the cluster deletes them: to the ConfigMap of
 * `kubernetes-owner`, else to the agent's own pod. Resolves to `undefined` when the agent has neither. The owner counts
 * as the controller of the job's pod, without which `kubectl drain` refuses the pod. Throws when the ConfigMap cannot
 * be read.
 */
export async function findOwner(
  client: Client,
  options: {
    readonly configMap: string | undefined;
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly logger: Logger;
    readonly signal: AbortSignal;
  },
): Promise<object | undefined> {
  const { configMap, env, logger, signal } = options;
  if (configMap !== undefined) return toReference("ConfigMap", await readOwner(client, configMap, signal));
  if (!isInOwnNamespace(client)) return undefined;
  const pod = await findOwnPod(client, { env, signal, onMiss: (line) => logger.debug(line) });
  if (pod) return toReference("Pod", pod.metadata);
  logger.warn(
    "the agent's own pod was not found, so jobs' pods have no owner; set KUBERNETES_POD_NAME to \"metadata.name\"",
  );
  return undefined;
}

interface Named {
  readonly name: string;
  readonly uid?: string;
}

/** Reads the ConfigMap of `kubernetes-owner`. Throws when it does not exist, or is being deleted. */
export async function readOwner(client: Client, name: string, signal: AbortSignal): Promise<Named> {
  try {
    const { metadata } = await getConfigMap(client, name, signal);
    if (metadata?.deletionTimestamp === undefined && metadata?.uid !== undefined) return metadata;
    throw new Error("it is being deleted");
  } catch (cause) {
    const hint = isApiError(cause, 404)
      ? `; create it in the namespace "${client.connection.namespace}", or change "kubernetes-owner"`
      : "";
    throw new AgentError("CONFIG_INVALID", `ConfigMap "${name}": ${toMessage(cause)}${hint}`, { cause });
  }
}

function toReference(kind: "ConfigMap" | "Pod", { name, uid }: Named): object {
  return { apiVersion: "v1", kind, name, uid, controller: true };
}
