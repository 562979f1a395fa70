import { setTimeout as sleep } from "node:timers/promises";
import { isApiError } from "./api-error.ts";
import type { Client } from "./client.ts";
import type { ConfigMap, Metadata, Pod, StatefulSet } from "./objects.ts";

export type Kind = "pods" | "secrets" | "configmaps" | "events";

/**
 * Annotation with a random id of the create call, by which a call whose response was lost recognizes its
 * object.
 */
const creationAnnotation = "signalman/creation";

export function toPath(client: Client, kind: Kind, name?: string): string {
  const base = `/api/v1/namespaces/${encodeURIComponent(client.connection.namespace)}/${kind}`;
  return name === undefined ? base : `${base}/${encodeURIComponent(name)}`;
}

export function getPod(
  client: Client,
  name: string,
  options: { signal?: AbortSignal; retryMs?: number } = {},
) {
  return client.call<Pod>("GET", toPath(client, "pods", name), options);
}

/** Returns the path of objects of a further API group: `apps/v1`. */
export function toGroupPath(client: Client, group: string, kind: string, name?: string): string {
  const base = `/apis/${group}/namespaces/${encodeURIComponent(client.connection.namespace)}/${kind}`;
  return name === undefined ? base : `${base}/${encodeURIComponent(name)}`;
}

export function getStatefulSet(
  client: Client,
  name: string,
  options: { signal?: AbortSignal; retryMs?: number } = {},
) {
  return client.call<StatefulSet>("GET", toGroupPath(client, "apps/v1", "statefulsets", name), options);
}

export function getConfigMap(client: Client, name: string, signal: AbortSignal) {
  return client.call<ConfigMap>("GET", toPath(client, "configmaps", name), { signal });
}

/** Changes a pod by a merge patch: `null` removes a field. */
export async function patchPod(
  client: Client,
  name: string,
  body: object,
  signal: AbortSignal,
): Promise<void> {
  await client.call("PATCH", toPath(client, "pods", name), { body, signal });
}

/**
 * Creates an object with a fixed name exactly once, even when responses are lost. An object with that name
 * from an earlier attempt is deleted first.
 */
export async function create<T extends { readonly metadata: Metadata }>(
  client: Client,
  kind: Kind,
  object: T,
  signal: AbortSignal,
): Promise<T> {
  const { name } = object.metadata;
  const creation = crypto.randomUUID();
  const annotations = { ...object.metadata.annotations, [creationAnnotation]: creation };
  const body = { ...object, metadata: { ...object.metadata, annotations } };
  for (;;) {
    try {
      const query = { fieldValidation: "Strict" };
      return await client.call<T>("POST", toPath(client, kind), { body, query, signal });
    } catch (error) {
      if (!isApiError(error, 409) || error.reason !== "AlreadyExists") throw error;
      const existing = await find<T>(client, kind, name, signal);
      if (existing?.metadata.annotations?.[creationAnnotation] === creation) return existing;
      await (kind === "pods" ? removeWholePod(client, name, signal) : remove(client, kind, name, { signal }));
      await sleep(100, undefined, { signal });
    }
  }
}

/**
 * Deletes a pod, and resolves when its containers have ended: a node finds containers by the pod's name, so that a
 * command for the next pod of this name could reach them. Those of a node that does not answer are not waited for.
 */
export async function removeWholePod(client: Client, name: string, signal: AbortSignal): Promise<void> {
  if (!(await remove(client, "pods", name, { signal, graceSeconds: 1 }))) return;
  const deadline = performance.now() + wholeMs;
  while (await find(client, "pods", name, signal)) {
    if (performance.now() > deadline) return void (await remove(client, "pods", name, { signal }));
    await sleep(200, undefined, { signal });
  }
}

const wholeMs = 60_000;

/** Deletes an object, a pod without a grace period by default. Resolves to whether it existed. */
export async function remove(
  client: Client,
  kind: Kind,
  name: string,
  options: {
    readonly signal?: AbortSignal;
    readonly retryMs?: number;
    readonly graceSeconds?: number;
  } = {},
): Promise<boolean> {
  const { graceSeconds = 0, ...call } = options;
  try {
    const query = kind === "pods" ? { gracePeriodSeconds: graceSeconds } : {};
    await client.call("DELETE", toPath(client, kind, name), { ...call, query });
    return true;
  } catch (error) {
    if (isApiError(error, 404)) return false;
    throw error;
  }
}

/**
 * Resolves to `undefined` when the object does not exist or the role does not allow reading it, as for
 * secrets.
 */
async function find<T>(
  client: Client,
  kind: Kind,
  name: string,
  signal: AbortSignal,
): Promise<T | undefined> {
  try {
    return await client.call<T>("GET", toPath(client, kind, name), { signal });
  } catch (error) {
    if (isApiError(error, 404) || isApiError(error, 403)) return undefined;
    throw error;
  }
}
