import { parseDocument } from "yaml";
import { AgentError, toMessage } from "signalman";
import { isApiError } from "../client/api-error.ts";
import type { Client } from "../client/client.ts";
import type { Container, PodSpec } from "../client/objects.ts";
import { getConfigMap } from "../client/resources.ts";

/** What an operator adds to every pod: the ConfigMap of `kubernetes-pod-spec` (protocol section 6.4). */
export interface Decorator {
  readonly pod: PodSpec;
  readonly mainContainer: Container;
  /** Applied to every sidecar. */
  readonly sidecarContainers: Container;
}

const keys = ["pod", "mainContainer", "sidecarContainers"] as const;

/** Loads and reads the ConfigMap. Throws with every fault of it; unknown fields below its keys are the API server's to name. */
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
  const [pod = {}, mainContainer = {}, sidecarContainers = {}] = keys.map((key) => {
    try {
      return readMapping(data[key] ?? "");
    } catch (error) {
      faults.push(`key "${key}": ${toMessage(error)}`);
      return {};
    }
  });
  if (faults.length > 0) throw new Error(faults.join("; "));
  return { pod, mainContainer, sidecarContainers };
}

function readMapping(text: string): Record<string, unknown> {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error) throw new Error(error.message.split("\n")[0] ?? "not YAML");
  const value: unknown = document.toJS() ?? {};
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error("expected a mapping");
  return value as Record<string, unknown>;
}
