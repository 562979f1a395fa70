import { type Logger, toMessage } from "signalman";
import { isApiError } from "../client/api-error.ts";
import type { Client } from "../client/client.ts";
import type { Metadata, Pod } from "../client/objects.ts";

/** Annotations that make autoscalers keep the node of a pod. */
export const keepAnnotations = {
  "karpenter.sh/do-not-disrupt": "true",
  "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
} as const;

/** Label with the name of a job's pod, by which its budget selects it. */
export const podLabel = "signalman/pod";

/**
 * Makes evictions of a job's pod wait (`kubectl drain`), by a PodDisruptionBudget that the cluster removes with the
 * pod. Without the right, or after an error, evictions end the job. Never rejects.
 */
export async function protectPod(
  client: Client,
  { metadata }: Pod,
  { logger, signal }: { readonly logger: Logger; readonly signal: AbortSignal },
): Promise<void> {
  const { name, namespace = client.connection.namespace, uid = "", labels } = metadata;
  const body = {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: {
      // A retry after a lost response meets its own budget, and never that of an earlier pod of this name.
      name: `${name}-${uid.slice(0, 8)}`,
      namespace,
      ...(labels && { labels }),
      ownerReferences: [{ apiVersion: "v1", kind: "Pod", name, uid }],
    } satisfies Metadata,
    // Other forms than a number of pods need a controller that has a scale.
    spec: { minAvailable: 1, selector: { matchLabels: { [podLabel]: name } } },
  };
  const path = `/apis/policy/v1/namespaces/${encodeURIComponent(namespace)}/poddisruptionbudgets`;
  try {
    await client.call("POST", path, { body, signal });
  } catch (error) {
    if (signal.aborted || isApiError(error, 409)) return;
    // The agent has logged a missing right at its start.
    logger[isApiError(error, 403) ? "debug" : "warn"](
      `pod "${name}" has no PodDisruptionBudget, so a drain of its node ends the job: ${toMessage(error)}`,
    );
  }
}
