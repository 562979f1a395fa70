import type { Executor, ExecutorContext } from "signalman";
import { createClient, type Client } from "../../plugins/kubernetes/client/client.ts";
import { loadConnection } from "../../plugins/kubernetes/client/connection.ts";
import { createKubernetesExecutor } from "../../plugins/kubernetes/executor.ts";
import type { KubernetesSettings } from "../../plugins/kubernetes/settings.ts";
import { startCluster } from "../support/cluster/cluster.ts";
import { images } from "../support/cluster/images.ts";
import { files } from "../support/cluster/layout.ts";

export const settings: KubernetesSettings = {
  podSpec: undefined,
  owner: undefined,
  isAllowed: () => true,
  podStartTimeoutMs: 60_000,
  labels: {},
  defaultImage: images.debian,
  isHandingOver: false,
  lostTimeoutMs: 60_000,
};

/** Starts the cluster, and connects this process to it as its administrator. */
export async function startedCluster(): Promise<Client> {
  await startCluster();
  process.env["KUBECONFIG"] = files.kubeconfig;
  return createClient(await loadConnection(process.env));
}

/** An executor of this process on the cluster. Every job has an id of its own. */
export function create(
  context: ExecutorContext,
  options: { settings?: KubernetesSettings; client?: Client } = {},
): Executor {
  return createKubernetesExecutor(
    { ...context, job: { ...context.job, id: crypto.randomUUID() } },
    {
      settings: options.settings ?? settings,
      connect: async () => options.client ?? createClient(await loadConnection(process.env)),
    },
  );
}
