import { type Namespace, patiently } from "./namespaces.ts";

/** Values of the chart that make it render everything it has. */
export const everything = {
  image: { digest: `sha256:${"a".repeat(64)}`, pullSecrets: [{ name: "registry" }] },
  jobs: {
    ca: { configMap: "authorities" },
    proxy: "http://proxy:3128",
    noProxy: [".a", ".b"],
    toolboxPath: "/opt/t",
  },
  cache: { enabled: true, secret: "x".repeat(32), share: ["a+b"], storage: { persistent: true } },
  env: [
    { name: "NUMBER", value: 1 },
    { name: "FIELD", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
  ],
  podDisruptionBudget: { enabled: true },
  networkPolicy: {
    enabled: true,
    metricsFrom: [{ namespaceSelector: {} }],
    jobEgress: [{ to: [{ ipBlock: { cidr: "0.0.0.0/0", except: ["169.254.169.254/32"] } }] }],
  },
  podAnnotations: { a: "b" },
  podLabels: { c: "d" },
  priorityClassName: "system-cluster-critical",
  nodeSelector: { e: "f" },
  tolerations: [{ operator: "Exists" }],
  affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: "x" }] } },
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "ScheduleAnyway", labelSelector: {} },
  ],
  extraVolumes: [{ name: "extra", emptyDir: {} }],
  extraVolumeMounts: [{ name: "extra", mountPath: "/extra" }],
};

/** Makes the API server know the kinds that these files define. */
export async function defineKinds({ kubectl }: Namespace, definitions: readonly string[]): Promise<void> {
  for (const file of definitions) {
    const apply = ["apply", "--server-side", `--filename=${file}`, "--output=name"];
    const name = (await kubectl(apply)).trim();
    // kubectl refuses to wait for definitions that have no status yet.
    await patiently(`"${name}" is established`, () =>
      kubectl(["wait", "--for=condition=Established", name]).then(
        () => true,
        () => false,
      ),
    );
  }
}
