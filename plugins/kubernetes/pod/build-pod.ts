import type { JobRequest } from "signalman";
import { caPath } from "signalman/executor";
import type { Container, Metadata, Pod, PodSpec } from "../client/objects.ts";
import kills from "../session/kills.sh" with { type: "text" };
import supervisor from "../session/supervisor.sh" with { type: "text" };
import type { IsAllowed } from "./allowed-images.ts";
import { toCommand, toSecurityContext } from "./container-words.ts";
import type { Decorator } from "./decorator.ts";
import { caKey, type JobSecret, secretDirectory } from "./job-secret.ts";
import { keepAnnotations, podLabel } from "./protection.ts";

/** Name of the container in which the commands run. */
export const mainContainer = "main";

export interface PodOptions {
  readonly job: JobRequest;
  readonly metadata: Metadata;
  readonly decorator: Decorator;
  readonly secret: JobSecret;
  readonly secretName: string;
  /** Name of the image pull secret, for a job with credentials. */
  readonly pullSecretName: string | undefined;
  readonly isAllowed: IsAllowed;
  readonly defaultImage: string | undefined;
  /** Resource limits of the main container: `cpu` and `memory`, as Kubernetes quantities. */
  readonly limits: Readonly<Record<string, string>>;
  /** Number of the job's process, which owns the session. */
  readonly owner: number;
  /** Variables of every container, unless the pod spec or the job sets them. */
  readonly variables: Readonly<Record<string, string>>;
}

/**
 * Builds a job's pod (protocol section 6.4). Throws with a string of the protocol when the request is
 * invalid.
 */
export function buildPod(options: PodOptions): Pod {
  const { decorator, job, secretName, pullSecretName } = options;
  const containers = buildContainers(options);
  const { pod } = decorator;
  const sidecars = containers.slice(1).flatMap(({ name }) => (name === undefined ? [] : [name]));
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: toPodMetadata(options),
    spec: {
      // Without a service account of the pod spec, jobs get no credentials of the cluster.
      ...(!namesServiceAccount(pod) && { automountServiceAccountToken: false }),
      ...pod,
      containers,
      restartPolicy: "Never",
      volumes: [
        ...(pod.volumes ?? []),
        {
          name: "environment",
          secret: {
            secretName,
            optional: false,
          },
        },
        {
          name: "signalman",
          emptyDir: {},
        },
      ],
      ...list("imagePullSecrets", [
        ...(pod.imagePullSecrets ?? []),
        ...(pullSecretName === undefined ? [] : [{ name: pullSecretName }]),
      ]),
      ...list("hostAliases", [
        ...(pod.hostAliases ?? []),
        ...(job.containers.length > 1
          ? [
              {
                ip: "127.0.0.1",
                hostnames: sidecars,
              },
            ]
          : []),
      ]),
    },
  };
}

/** Adds the operator's labels and annotations. An annotation replaces one that keeps the pod's node. */
function toPodMetadata({ decorator, metadata }: PodOptions): Metadata {
  return {
    ...metadata,
    labels: { ...decorator.metadata.labels, ...metadata.labels, [podLabel]: metadata.name },
    annotations: { ...keepAnnotations, ...decorator.metadata.annotations },
  };
}

function namesServiceAccount({ serviceAccountName, serviceAccount }: PodSpec): boolean {
  return Boolean(serviceAccountName ?? serviceAccount);
}

function list(name: string, entries: readonly object[]): object {
  return entries.length === 0 ? {} : { [name]: entries };
}

function buildContainers(options: PodOptions): Container[] {
  const { job, defaultImage, isAllowed } = options;
  const [main, ...sidecars] = job.containers;
  const fail = (why: string) =>
    new Error(`error building pod spec: error building containers for pod spec: ${why}`);
  if (main === undefined && !defaultImage)
    throw fail("no containers specified in Semaphore YAML, and no default container is provided");
  for (const { image } of job.containers)
    if (!isAllowed(image)) throw fail(`error validating images: image '${image}' is not allowed`);
  try {
    return [
      buildMain(options, main?.image ?? defaultImage ?? ""),
      ...sidecars.map((it) => buildSidecar(options, it)),
    ];
  } catch (error) {
    throw fail(error instanceof Error ? error.message : String(error));
  }
}

function buildMain(options: PodOptions, image: string): Container {
  const { decorator, job, limits } = options;
  const base = decorator.mainContainer;
  const [main] = job.containers;
  const resources = (base["resources"] ?? {}) as { limits?: object };
  return {
    ...base,
    name: mainContainer,
    image,
    command: ["bash", "-c", kills + supervisor, "signalman-supervisor", String(options.owner)],
    env: toEnv(options, base, main),
    volumeMounts: [
      ...(base.volumeMounts ?? []),
      ...caMounts(options),
      { name: "environment", mountPath: secretDirectory, readOnly: true },
      { name: "signalman", mountPath: "/signalman" },
    ],
    ...(main !== undefined && toSecurityContext(main, base, decorator.pod)),
    ...(Object.keys(limits).length > 0 && {
      resources: { ...resources, limits: { ...limits, ...resources.limits } },
    }),
  };
}

function buildSidecar(options: PodOptions, container: JobRequest["containers"][number]): Container {
  const { pod, sidecarContainers: base } = options.decorator;
  return {
    ...base,
    name: container.name,
    image: container.image,
    env: toEnv(options, base, container),
    ...list("volumeMounts", [...(base.volumeMounts ?? []), ...caMounts(options)]),
    ...toCommand(container),
    ...toSecurityContext(container, base, pod),
  };
}

/** Mounts the operator's authorities where the variables name them. */
function caMounts({ secret }: PodOptions): object[] {
  return secret.hasCa ? [{ name: "environment", mountPath: caPath, subPath: caKey, readOnly: true }] : [];
}

/** Lists the variables of the operator, of the pod spec and of the job. The last one of a name counts. */
function toEnv(
  options: PodOptions,
  base: Container,
  container: JobRequest["containers"][number] | undefined,
): object[] {
  const own = [...(base.env ?? []), ...variables(options, container)] as readonly {
    readonly name?: string;
  }[];
  const names = new Set(own.map(({ name }) => name));
  const provided = Object.entries(options.variables).filter(([name]) => !names.has(name));
  // The kubelet expands $(NAME), and takes $$ for a dollar sign.
  return [...provided.map(([name, value]) => ({ name, value: value.replaceAll("$", "$$$$") })), ...own];
}

/**
 * Lists a container's variables as references to the secret, so that values are neither visible in the pod
 * nor expanded.
 */
function variables(options: PodOptions, container: JobRequest["containers"][number] | undefined): object[] {
  return (container?.env ?? []).map((variable) => ({
    name: variable.name,
    valueFrom: { secretKeyRef: { name: options.secretName, key: options.secret.variableKeys.get(variable) } },
  }));
}
