import { AgentError, check, definePlugin } from "signalman";
import { config, type KubernetesConfig } from "./config.ts";

const names = Object.keys(config.entries) as (keyof KubernetesConfig)[];

/** Runs jobs in pods, one day; until then it refuses to start where a configuration counts on that. */
export default definePlugin({
  name: "kubernetes",
  description: "refuses to start where pods are asked for: there is no Kubernetes executor yet",
  runsIn: ["agent"],
  config,
  flags: Object.fromEntries(names.map((name) => [`kubernetes-${name}`, name])),
  setup(ctx, options) {
    ctx.provide(check, "kubernetes", {
      run: () =>
        findFaults(options).map((title) => ({
          level: "error",
          title,
          remedy: "remove the options whose names begin with kubernetes-; no agent starts with them",
        })),
    });
    ctx.hook("agent:start", () => {
      const faults = findFaults(options);
      if (faults.length > 0) throw new AgentError("CONFIG_INVALID", faults.join("\n"));
    });
  },
});

function findFaults(options: KubernetesConfig): string[] {
  const labels = options.labels.filter((label) => label.split("=").length !== 2);
  const isAskedFor: Readonly<Record<keyof KubernetesConfig, boolean>> = {
    executor: options.executor,
    "pod-spec": !!options["pod-spec"],
    "allowed-images": options["allowed-images"].length > 0,
    "pod-start-timeout": options["pod-start-timeout"] !== 300,
    labels: options.labels.length > 0,
    "default-image": !!options["default-image"],
  };
  const asked = Object.entries(isAskedFor).flatMap(([name, isSet]) =>
    isSet ? [`"kubernetes-${name}"`] : [],
  );
  return [
    ...labels.map((label) => `Error parsing --kubernetes-labels: ${label} is not a valid label`),
    ...(options["pod-start-timeout"] < 0
      ? ["Kubernetes pod start timeout can't be negative. Exiting..."]
      : []),
    ...(asked.length > 0
      ? [`this version has no Kubernetes executor: remove ${asked.join(", ")}, or use the shell executor`]
      : []),
  ];
}
