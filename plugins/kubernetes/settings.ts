import { AgentError, toMessage } from "signalman";
import type { KubernetesConfig } from "./config.ts";
import { compileAllowedImages, type IsAllowed } from "./pod/allowed-images.ts";
import { parseLabels } from "./pod/labels.ts";

/** The plugin's options, checked and compiled. */
export interface KubernetesSettings {
  /** Name of the ConfigMap with parts of the pod's specification. */
  readonly podSpec: string | undefined;
  /** Name of the ConfigMap that owns the objects of jobs. */
  readonly owner: string | undefined;
  readonly isAllowed: IsAllowed;
  readonly podStartTimeoutMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly defaultImage: string | undefined;
  /** Whether running jobs are left to the agent's successor. */
  readonly isHandingOver: boolean;
  /** Milliseconds without a connection to the pod after which a job ends. */
  readonly lostTimeoutMs: number;
}

/** Start time-out when the option is 0 (protocol section 6.4). */
const defaultStartSeconds = 60;

/**
 * Checks and compiles the options. Throws `CONFIG_INVALID` with all faults, in the strings of the protocol
 * where it has them.
 */
export function toSettings(config: KubernetesConfig): KubernetesSettings {
  const faults: string[] = [];
  const attempt = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      faults.push(toMessage(error));
      return undefined;
    }
  };
  const labels = attempt(() => parseLabels(config.labels));
  const isAllowed = attempt(() => compileAllowedImages(config["allowed-images"]));
  if (config["pod-start-timeout"] < 0)
    faults.push("Kubernetes pod start timeout can't be negative. Exiting...");
  if (labels === undefined || isAllowed === undefined || faults.length > 0)
    throw new AgentError("CONFIG_INVALID", faults.join("\n"));
  return {
    labels,
    isAllowed,
    podSpec: config["pod-spec"] || undefined,
    owner: config.owner || undefined,
    podStartTimeoutMs: (config["pod-start-timeout"] || defaultStartSeconds) * 1000,
    defaultImage: config["default-image"] || undefined,
    isHandingOver: config["hand-over"],
    lostTimeoutMs: config["lost-timeout"] * 1000,
  };
}
