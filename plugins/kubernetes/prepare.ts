import { type ExecutorContext, type Output, toMessage } from "signalman";
import { readCa, toProvisionVariables } from "signalman/executor";
import { removeEarlierJob } from "./clean-up.ts";
import type { Client } from "./client/client.ts";
import type { Metadata, Pod, Secret } from "./client/objects.ts";
import { create } from "./client/resources.ts";
import { buildPod } from "./pod/build-pod.ts";
import type { Decorator } from "./pod/decorator.ts";
import { type JobSecret, packSecret } from "./pod/job-secret.ts";
import { agentLabel, jobLabel, toLabelValue } from "./pod/labels.ts";
import type { JobNames } from "./pod/names.ts";
import { findOwner } from "./pod/owner.ts";
import { toDockerConfig } from "./pod/pull-secret.ts";
import type { KubernetesSettings } from "./settings.ts";

/** The objects of a job in the cluster. */
export interface Prepared {
  readonly pod: Pod;
  readonly secret: JobSecret;
}

export interface PrepareOptions {
  readonly client: Client;
  readonly context: ExecutorContext;
  readonly settings: KubernetesSettings;
  readonly names: JobNames;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/**
 * Creates a job's secrets and its pod. Resolves to `undefined` when the output shows a failure (protocol
 * section 7).
 */
export async function prepare(options: PrepareOptions): Promise<Prepared | undefined> {
  const { client, context, settings, names, output, signal } = options;
  const { job, logger } = context;
  const attempt = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      output(`${what}: ${toMessage(error)}\n`);
      throw new ShownError();
    }
  };
  try {
    const [decorator, owner] = await Promise.all([
      attempt("Failed to load pod spec", () => loadOwnDecorator(options)),
      attempt("Failed to find the owner of the job's objects", () =>
        findOwner(client, { configMap: settings.owner, env: context.environment, logger, signal }),
      ),
    ]);
    const metadata = toMetadata(options, owner);
    const secret = await attempt("Failed to create environment secret", async () => {
      // A role that may not delete fails here, before anything is created.
      await removeEarlierJob(client, names, signal);
      const packed = packSecret(job, readCa(context.options.provisions ?? {}));
      await create(client, "secrets", toSecret(metadata(names.secret), "Opaque", packed.data), signal);
      return packed;
    });
    const hasCredentials = job.imagePullCredentials.length > 0;
    if (hasCredentials)
      await attempt("Failed to create temporary image pull secret", () =>
        createPullSecret(options, metadata),
      );
    const pod = await attempt("Failed to create pod", () =>
      create(
        client,
        "pods",
        buildPod({
          ...settings,
          job,
          decorator,
          secret,
          metadata: metadata(names.pod),
          secretName: names.secret,
          pullSecretName: hasCredentials ? names.pullSecret : undefined,
          limits: toLimits(context),
          owner: context.journal?.owner ?? 1,
          variables: toProvisionVariables(context.options.provisions ?? {}),
        }),
        signal,
      ),
    );
    return { pod, secret };
  } catch (error) {
    if (error instanceof ShownError) return undefined;
    throw error;
  }
}

/** An error that the job's log already shows. */
class ShownError extends Error {}

async function loadOwnDecorator({ client, settings, signal }: PrepareOptions): Promise<Decorator> {
  if (settings.podSpec === undefined)
    return { pod: {}, mainContainer: {}, sidecarContainers: {}, metadata: {} };
  const { loadDecorator } = await import("./pod/decorator.ts");
  return loadDecorator(client, settings.podSpec, signal);
}

async function createPullSecret(
  { client, context, names, signal }: PrepareOptions,
  metadata: (name: string) => Metadata,
): Promise<void> {
  const config = await toDockerConfig({
    credentials: context.job.imagePullCredentials,
    environment: context.environment,
    signal,
  });
  const data = { ".dockerconfigjson": Buffer.from(config).toString("base64") };
  await create(
    client,
    "secrets",
    toSecret(metadata(names.pullSecret), "kubernetes.io/dockerconfigjson", data),
    signal,
  );
}

function toMetadata({ client, context, settings }: PrepareOptions, owner: object | undefined) {
  const labels = {
    ...settings.labels,
    [agentLabel]: toLabelValue(context.agentId),
    [jobLabel]: toLabelValue(context.job.id),
  };
  return (name: string): Metadata => ({
    name,
    namespace: client.connection.namespace,
    labels,
    ...(owner !== undefined && { ownerReferences: [owner] }),
  });
}

function toSecret(metadata: Metadata, type: string, data: Secret["data"]): Secret {
  return { apiVersion: "v1", kind: "Secret", metadata, type, immutable: true, data };
}

function toLimits({ options }: ExecutorContext): Record<string, string> {
  const { limits } = options;
  return {
    ...(limits.memoryBytes !== undefined && { memory: String(limits.memoryBytes) }),
    ...(limits.cpus !== undefined && { cpu: String(limits.cpus) }),
  };
}
