import { type Finding, toMessage } from "signalman";
import type { Client } from "../client/client.ts";
import type { KubernetesSettings } from "../settings.ts";

export interface Right {
  readonly verb: string;
  /** API group; left out: the core one. */
  readonly group?: string;
  readonly resource: string;
  readonly subresource?: string;
  /** The consequence without it; `undefined` for a right that every job needs. */
  readonly consequence?: string;
  /** Whose pods the right protects against disruptions. */
  readonly protects?: "agent" | "jobs";
  /** Whether only `kubernetes-hand-over` needs it. */
  readonly isForHandOver?: boolean;
  /** Whether only an agent in a pod with `kubernetes-owner` needs it. */
  readonly isForOwner?: boolean;
}

const required: readonly Right[] = [
  { verb: "get", resource: "pods" },
  { verb: "create", resource: "pods" },
  { verb: "delete", resource: "pods" },
  { verb: "create", resource: "pods", subresource: "exec" },
  { verb: "get", resource: "pods", subresource: "exec" },
  { verb: "create", resource: "secrets" },
  { verb: "delete", resource: "secrets" },
];

const optional: readonly Right[] = [
  {
    verb: "watch",
    resource: "pods",
    consequence: "the agent polls pods instead of watching them",
  },
  {
    verb: "list",
    resource: "pods",
    consequence: "the clean-up does not find pods of jobs that are not recorded in the state directory",
  },
  { verb: "watch", resource: "events", consequence: "logs do not show which image is pulled" },
  {
    verb: "get",
    resource: "pods",
    subresource: "log",
    consequence: "logs do not show the last lines of a sidecar that crashes",
  },
  {
    verb: "create",
    group: "policy",
    resource: "poddisruptionbudgets",
    consequence: "a drain of a node ends the jobs on it",
    protects: "jobs",
  },
  {
    verb: "patch",
    resource: "pods",
    consequence: "autoscalers may remove the node of this agent while it has jobs",
    protects: "agent",
  },
  {
    verb: "get",
    group: "apps",
    resource: "statefulsets",
    consequence: "jobs are not handed over at a rollout, and have the grace period to finish",
    protects: "agent",
    isForHandOver: true,
  },
  ...["get", "create", "patch"].map((verb): Right => ({
    verb,
    group: "coordination.k8s.io",
    resource: "leases",
    consequence: "two agents on one volume are kept apart by the locks of its file system only",
    isForOwner: true,
  })),
];

/** Lists the rights that the agent uses besides those that every job needs. */
export function listOptionalRights(use: {
  readonly isInPod: boolean;
  readonly isHandingOver: boolean;
  readonly owner: string | undefined;
}): readonly Right[] {
  return optional.filter(
    ({ protects, isForHandOver, isForOwner }) =>
      (protects !== "agent" || use.isInPod) &&
      (!isForHandOver || use.isHandingOver) &&
      (!isForOwner || (use.isInPod && use.owner !== undefined)),
  );
}

/** Checks each right of the agent by a SelfSubjectAccessReview. */
export async function checkRights(
  client: Client,
  { podSpec, isHandingOver, owner }: KubernetesSettings,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const podSpecRight = podSpec === undefined ? [] : [{ verb: "get", resource: "configmaps" }];
  const useful = listOptionalRights({ isInPod: client.connection.isInCluster, isHandingOver, owner });
  const rights: readonly Right[] = [...required, ...podSpecRight, ...useful];
  try {
    const granted = await Promise.all(rights.map((right) => isGranted(client, right, signal)));
    const missing = rights.filter((_, index) => !granted[index]);
    const errors = missing.filter(({ consequence }) => consequence === undefined);
    if (errors.length > 0) return errors.map((right) => toError(right, client.connection.namespace));
    if (missing.length === 0)
      return [{ level: "ok", title: "the role grants all rights that the agent uses" }];
    const detail = missing.map(
      (right) => `without "${right.verb}" on "${toTarget(right)}": ${right.consequence}`,
    );
    return [{ level: "ok", title: "the role grants all rights that jobs need", detail: detail.join("\n") }];
  } catch (error) {
    const title = `could not read the agent's rights: ${toMessage(error)}`;
    return [{ level: "warning", title, remedy: "compare the agent's role with docs/kubernetes/rbac.yaml" }];
  }
}

/** Asks the API server whether the agent has a right in the jobs' namespace. */
export async function isGranted(client: Client, right: Right, signal: AbortSignal): Promise<boolean> {
  const { verb, group, resource, subresource } = right;
  const body = {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectAccessReview",
    spec: {
      resourceAttributes: {
        namespace: client.connection.namespace,
        verb,
        resource,
        ...(group !== undefined && { group }),
        ...(subresource !== undefined && { subresource }),
      },
    },
  };
  const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
  const { status } = await client.call<{ status?: { allowed?: boolean } }>("POST", path, {
    body,
    signal,
    retryMs: 2000,
  });
  return status?.allowed ?? false;
}

function toError(right: Right, namespace: string): Finding {
  const title = `the role does not allow to "${right.verb}" "${toTarget(right)}" in namespace "${namespace}"`;
  return { level: "error", title, remedy: "add it to the agent's role: docs/kubernetes/rbac.yaml" };
}

export function toTarget({ resource, subresource }: Right): string {
  return subresource === undefined ? resource : `${resource}/${subresource}`;
}
