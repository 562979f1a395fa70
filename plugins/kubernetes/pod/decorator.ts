import { parseDocument } from "yaml";
import { AgentError, toMessage } from "signalman";
import { isApiError } from "../client/api-error.ts";
import type { Client } from "../client/client.ts";
import type { Container, PodSpec } from "../client/objects.ts";
import { getConfigMap } from "../client/resources.ts";

/** The operator's parts of each pod, from the ConfigMap of `kubernetes-pod-spec` (protocol section 6.4). */
export interface Decorator {
  readonly pod: PodSpec;
  readonly mainContainer: Container;
  /** Base of all sidecars. */
  readonly sidecarContainers: Container;
  /** Labels and annotations of each pod. */
  readonly metadata: DecoratorMetadata;
}

export interface DecoratorMetadata {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

const keys = ["pod", "mainContainer", "sidecarContainers", "metadata"] as const;

/**
 * Fields that are merged with those of a job. The API server validates their contents and all other fields.
 */
type Shape = Readonly<Record<string, "list" | "mapping" | "texts">>;

const container: Shape = {
  env: "list",
  volumeMounts: "list",
  securityContext: "mapping",
  resources: "mapping",
  "resources.limits": "mapping",
};

const shapes: Readonly<Record<(typeof keys)[number], Shape>> = {
  pod: {
    volumes: "list",
    imagePullSecrets: "list",
    hostAliases: "list",
    containers: "list",
    securityContext: "mapping",
  },
  mainContainer: container,
  sidecarContainers: container,
  metadata: { labels: "texts", annotations: "texts" },
};

const descriptions = {
  list: "a list of mappings",
  mapping: "a mapping",
  texts: "a mapping of texts (quote numbers, true and false)",
} as const;

/**
 * Loads and parses the ConfigMap. Throws with all its faults, except for unknown fields, which the API server
 * reports.
 */
export async function loadDecorator(client: Client, name: string, signal: AbortSignal): Promise<Decorator> {
  try {
    const { data = {} } = await getConfigMap(client, name, signal);
    return readDecorator(data);
  } catch (error) {
    const namespace = client.connection.namespace;
    const hint = isApiError(error, 404)
      ? `; create it in the namespace "${namespace}", or change "kubernetes-pod-spec"`
      : "";
    throw new AgentError("CONFIG_INVALID", `ConfigMap "${name}": ${toMessage(error)}${hint}`, {
      cause: error,
    });
  }
}

export function readDecorator(data: Readonly<Record<string, string>>): Decorator {
  const faults = Object.keys(data)
    .filter((key) => !(keys as readonly string[]).includes(key))
    .map((key) => `unknown key "${key}" (known: ${keys.join(", ")})`);
  const [pod = {}, mainContainer = {}, sidecarContainers = {}, metadata = {}] = keys.map((key) => {
    try {
      const part = readMapping(data[key] ?? "");
      for (const fault of findFaults(part, shapes[key])) faults.push(`key "${key}": ${fault}`);
      return part;
    } catch (error) {
      faults.push(`key "${key}": ${toMessage(error)}`);
      return {};
    }
  });
  for (const field of Object.keys(metadata).filter((name) => !(name in shapes.metadata)))
    faults.push(`key "metadata": unknown field "${field}" (known: labels, annotations)`);
  if (faults.length > 0) throw new Error(faults.join("; "));
  return { pod, mainContainer, sidecarContainers, metadata };
}

function findFaults(part: Readonly<Record<string, unknown>>, shape: Shape): string[] {
  return Object.entries(shape).flatMap(([field, kind]) => {
    const value = field
      .split(".")
      .reduce<unknown>((outer, name) => (isMapping(outer) ? outer[name] : undefined), part);
    return value == null || hasShape(value, kind) ? [] : [`field "${field}": expected ${descriptions[kind]}`];
  });
}

function hasShape(value: unknown, kind: Shape[string]): boolean {
  if (kind === "list") return Array.isArray(value) && value.every(isMapping);
  return (
    isMapping(value) && (kind === "mapping" || Object.values(value).every((each) => typeof each === "string"))
  );
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readMapping(text: string): Record<string, unknown> {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error) throw new Error(error.message.split("\n")[0] ?? "not YAML");
  const value: unknown = document.toJS() ?? {};
  if (!isMapping(value)) throw new Error("expected a mapping");
  return value;
}
