import { toMessage } from "signalman";
import type { Client } from "../client/client.ts";
import { ownNamespace } from "../client/connection.ts";
import type { Pod } from "../client/objects.ts";
import { getPod } from "../client/resources.ts";

/**
 * Reads the pod in which the agent runs. Resolves to `undefined` when the agent does not run in a pod of the jobs'
 * namespace; `onMiss` receives why a name is not that of the agent's pod.
 */
export async function findOwnPod(
  client: Client,
  options: {
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly signal: AbortSignal;
    readonly onMiss: (line: string) => void;
  },
): Promise<Pod | undefined> {
  const { env, signal, onMiss } = options;
  if (!isInOwnNamespace(client)) return undefined;
  const names = [env["KUBERNETES_POD_NAME"], env["HOSTNAME"], env["SEMAPHORE_AGENT_NAME"]].filter(
    (name) => name,
  );
  for (const name of new Set(names as string[])) {
    try {
      return await getPod(client, name, { signal, retryMs: 2000 });
    } catch (error) {
      signal.throwIfAborted();
      onMiss(`"${name}" is not the agent's own pod: ${toMessage(error)}`);
    }
  }
  return undefined;
}

/** Whether the agent runs in a pod of the namespace of its jobs. */
export function isInOwnNamespace({ connection }: Client): boolean {
  return connection.isInCluster && ownNamespace() === connection.namespace;
}
