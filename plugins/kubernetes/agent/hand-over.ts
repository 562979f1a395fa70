import type { Client } from "../client/client.ts";
import { isApiError } from "../client/api-error.ts";
import type { Pod } from "../client/objects.ts";
import { getStatefulSet } from "../client/resources.ts";
import { findStateLoss } from "./state-volume.ts";

/** Where the agent keeps what a hand-over needs. */
export interface HandOverPlace {
  readonly stateDirectory: string | undefined;
  /** The ConfigMap of `kubernetes-owner`. */
  readonly owner: string | undefined;
}

/** Returns why jobs of an agent in this pod can never be handed over; `undefined` when they can. */
export function findHandOverFault(
  pod: Pod | undefined,
  { stateDirectory, owner }: HandOverPlace,
): string | undefined {
  if (pod === undefined) return "the agent's own pod was not found in the namespace of its jobs";
  if (findController(pod) === undefined) return "the agent's pod does not belong to a StatefulSet";
  if (owner === undefined)
    return 'the cluster deletes the pods of jobs with that of the agent, as "kubernetes-owner" is not set';
  return stateDirectory === undefined ? undefined : findStateLoss(pod, stateDirectory);
}

/** Resolves to why the StatefulSet will not start another agent of this name; to `undefined` when it will. */
export async function findSuccessorFault(
  client: Client,
  pod: Pod,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { name = "", uid } = findController(pod) ?? {};
  try {
    const { metadata, spec = {} } = await getStatefulSet(client, name, { signal, retryMs: 3000 });
    if (metadata.uid !== uid || metadata.deletionTimestamp !== undefined)
      return `StatefulSet "${name}" is being deleted`;
    const { replicas = 1, ordinals: { start = 0 } = {} } = spec;
    const ordinal = Number(pod.metadata.name.slice(name.length + 1));
    if (ordinal < start || ordinal >= start + replicas)
      return `StatefulSet "${name}" is scaled to ${replicas} replicas`;
    return undefined;
  } catch (error) {
    if (isApiError(error, 404)) return `StatefulSet "${name}" is deleted`;
    throw error;
  }
}

interface OwnerReference {
  readonly kind?: string;
  readonly name?: string;
  readonly uid?: string;
  readonly controller?: boolean;
}

function findController({ metadata }: Pod): OwnerReference | undefined {
  const owners = (metadata.ownerReferences ?? []) as readonly OwnerReference[];
  return owners.find(({ kind, controller }) => kind === "StatefulSet" && controller === true);
}
