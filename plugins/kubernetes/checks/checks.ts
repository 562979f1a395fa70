import { type CheckContext, type Finding, toMessage } from "signalman";
import { findStateDirectory } from "signalman/host";
import { isApiError } from "../client/api-error.ts";
import { type Client, createClient } from "../client/client.ts";
import { loadConnection } from "../client/connection.ts";
import type { KubernetesConfig } from "../config.ts";
import { loadDecorator } from "../pod/decorator.ts";
import { type KubernetesSettings, toSettings } from "../settings.ts";
import { findHandOverFault } from "../agent/hand-over.ts";
import { findOwnPod } from "../agent/own-pod.ts";
import { findStateLoss, stateRemedy } from "../agent/state-volume.ts";
import { readOwner } from "../pod/owner.ts";
import { checkRights } from "./rights.ts";

/** Checks the prerequisites of jobs in pods: the options, the API server, the role and the pod spec. */
export async function checkKubernetes(
  options: KubernetesConfig,
  { config, env, signal }: CheckContext,
): Promise<readonly Finding[]> {
  let settings: KubernetesSettings;
  try {
    settings = toSettings(options);
  } catch (error) {
    const lines = toMessage(error).split("\n");
    return lines.map((title) => ({ level: "error", title, remedy: "correct this option" }));
  }
  if (!options.executor) return [];
  let client: Client;
  try {
    client = createClient(await loadConnection(env));
  } catch (error) {
    return [
      { level: "error", title: toMessage(error), remedy: "mount a service account, or set KUBECONFIG" },
    ];
  }
  const server = await checkServer(client, signal);
  if (server.level === "error") return [server];
  const findings = [
    checkRights(client, settings, signal),
    checkPodSpec(client, settings, signal),
    checkOwner(client, settings, signal),
    checkState(client, settings, { config, env, signal }),
  ];
  return [server, ...(await Promise.all(findings)).flat()];
}

/** Oldest minor version of Kubernetes 1 that supports all API calls of this plugin. */
const oldestMinor = 27;

async function checkServer(client: Client, signal: AbortSignal): Promise<Finding> {
  const { namespace, server } = client.connection;
  try {
    const version = await client.call<{ gitVersion: string; major: string; minor: string }>(
      "GET",
      "/version",
      {
        signal,
        retryMs: 2000,
      },
    );
    const title = `Kubernetes ${version.gitVersion} at "${server}", namespace "${namespace}"`;
    if (version.major === "1" && Number.parseInt(version.minor, 10) < oldestMinor)
      return { level: "warning", title, remedy: `upgrade to Kubernetes 1.${oldestMinor} or newer` };
    return { level: "ok", title };
  } catch (error) {
    const isRefused = isApiError(error, 401) || isApiError(error, 403);
    return {
      level: "error",
      title: `the Kubernetes API server "${server}" ${isRefused ? "rejects the agent" : "cannot be reached"}: ${toMessage(error)}`,
      remedy: isRefused
        ? "check the token or the certificate of the agent"
        : "check the address, the network and the certificate authority",
    };
  }
}

async function checkPodSpec(
  client: Client,
  { podSpec }: KubernetesSettings,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  if (podSpec === undefined) return [];
  try {
    await loadDecorator(client, podSpec, signal);
    return [{ level: "ok", title: `pod spec: ConfigMap "${podSpec}"` }];
  } catch (error) {
    return [{ level: "error", title: toMessage(error), remedy: `correct ConfigMap "${podSpec}"` }];
  }
}

async function checkOwner(
  client: Client,
  { owner }: KubernetesSettings,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  if (owner === undefined) return [];
  try {
    await readOwner(client, owner, signal);
    return [{ level: "ok", title: `owner of jobs' objects: ConfigMap "${owner}"` }];
  } catch (error) {
    return [{ level: "error", title: toMessage(error), remedy: `create ConfigMap "${owner}"` }];
  }
}

/** Reports a state directory that is lost with the agent's own pod, and a hand-over that is not possible. */
async function checkState(
  client: Client,
  { owner, isHandingOver }: KubernetesSettings,
  { config, env, signal }: CheckContext,
): Promise<readonly Finding[]> {
  const pod = await findOwnPod(client, { env, signal, onMiss: () => {} }).catch(() => undefined);
  const { "state-dir": directory } = (config.of("core") ?? {}) as { readonly "state-dir"?: string };
  const stateDirectory = findStateDirectory({ directory, env });
  const loss = pod && findStateLoss(pod, stateDirectory);
  if (loss !== undefined) return [{ level: "warning", title: loss, remedy: stateRemedy }];
  // A pod that runs once, as that of `helm test`, is not the agent's.
  if (!isHandingOver || pod?.spec["restartPolicy"] === "Never") return [];
  const fault = findHandOverFault(pod, { stateDirectory, owner });
  const title = `kubernetes-hand-over has no effect: ${fault}`;
  return fault === undefined ? [] : [{ level: "warning", title, remedy: stateRemedy }];
}
