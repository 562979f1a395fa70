import { startCluster } from "../support/cluster/cluster.ts";
import { run } from "../support/cluster/command.ts";
import { files } from "../support/cluster/layout.ts";

/** A namespace of the cluster for one test. Disposal removes it with everything in it. */
export interface Namespace extends AsyncDisposable {
  readonly name: string;
  /** What an agent in this namespace runs with. */
  readonly env: Readonly<Record<string, string>>;
  /** kubectl in this namespace; resolves to its output. */
  kubectl(args: readonly string[], stdin?: string): Promise<string>;
  apply(...objects: readonly object[]): Promise<void>;
  /** Names of the pods and secrets that are there. */
  left(): Promise<readonly string[]>;
  /** Waits until no pod and no secret is there. */
  emptied(): Promise<void>;
}

/** Starts the cluster where it does not run, and makes a namespace in it. */
export async function createNamespace(): Promise<Namespace> {
  await startCluster();
  const name = `test-${crypto.randomUUID()}`;
  const kubectl = (args: readonly string[], stdin?: string) =>
    run([files.kubectl, "--kubeconfig", files.kubeconfig, "--namespace", name, ...args], {
      ...(stdin !== undefined && { stdin }),
    });
  await kubectl(["create", "namespace", name]);
  // No pod is accepted before the controller has made this one.
  await patiently(`the service account of "${name}" is there`, async () =>
    (await kubectl(["get", "serviceaccounts", "--output=name"])).includes("serviceaccount/default"),
  );
  const left = async () =>
    (await kubectl(["get", "pods,secrets", "--output=name"])).split("\n").filter(Boolean);
  return {
    name,
    env: { KUBECONFIG: files.kubeconfig, KUBERNETES_NAMESPACE: name },
    kubectl,
    apply: async (...objects) =>
      void (await kubectl(
        ["apply", "--filename=-"],
        objects.map((one) => JSON.stringify(one)).join("\n---\n"),
      )),
    left,
    emptied: () => patiently(`nothing is left in "${name}"`, async () => (await left()).length === 0),
    async [Symbol.asyncDispose]() {
      await kubectl(["delete", "pods", "--all", "--grace-period=0", "--force", "--wait=false"]).catch(
        () => {},
      );
      await kubectl(["delete", "namespace", name, "--wait=false"]).catch(() => {});
    },
  };
}

/** Returns a ConfigMap with a pod spec, for `--kubernetes-pod-spec <name>`. */
export function podSpec(name: string, data: Readonly<Record<string, string>>): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data };
}

/** For what has no event to wait for; a minute's patience and more, for the machine is busy. */
export async function patiently(
  what: string,
  condition: () => Promise<boolean>,
  patienceMs = 90_000,
): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${patienceMs / 1000} s: ${what}`);
    await Bun.sleep(50);
  }
}
