import { readFile } from "node:fs/promises";
import path from "node:path";
import { parseAllDocuments } from "yaml";
import { createScene, jobProcesses, type Scene } from "../support/agents.ts";
import { images } from "../support/cluster/images.ts";
import { mountTwice } from "../support/cluster/two-mounts.ts";
import { root } from "../support/fixtures.ts";
import { registrationToken } from "../support/hub-process.ts";
import { agentImage, hostAccess } from "./agent-image.ts";
import { createNamespace, type Namespace, patiently } from "./namespaces.ts";

export type Side = "first" | "second";

/** Two pods of one agent, with one state directory on a file system whose locks do not reach from one to the other. */
export interface TwoAgents extends AsyncDisposable {
  readonly scene: Scene;
  readonly namespace: Namespace;
  /** Starts the agent's pod. `env` replaces variables of the published one. */
  start(side: Side, env?: Readonly<Record<string, string>>): Promise<void>;
  /** Ids of the agent's process and of that of the job, on this host. */
  processes(jobId: string): Promise<{ readonly agent: number; readonly job: number }>;
  /** How often the agent's container was started again. */
  restarts(side: Side): Promise<number>;
  log(side: Side): Promise<string>;
}

interface Published {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: { readonly template?: { readonly spec: PodSpec } };
}
interface PodSpec {
  readonly containers: readonly { readonly env: readonly { readonly name: string }[] }[];
  readonly volumes: readonly object[];
}

let port = 9300 + (process.pid % 200);

export async function createTwoAgents(): Promise<TwoAgents> {
  const cleanup = new AsyncDisposableStack();
  const namespace = cleanup.use(await createNamespace());
  const scene = cleanup.use(await createScene());
  const mounts = cleanup.use(await mountTwice(scene.tester.home));
  const objects = [...(await published("rbac.yaml")), ...(await published("statefulset.yaml"))];
  const spec = objects.flatMap(({ spec }) => spec?.template?.spec ?? [])[0]!;
  await namespace.apply(...objects.filter(({ kind }) => kind !== "StatefulSet"));
  const account = `--serviceaccount=${namespace.name}:signalman-agent`;
  await namespace.kubectl(["create", "rolebinding", "extended", "--role=signalman-agent-extended", account]);
  const secret = ["create", "secret", "generic", "signalman-agent"];
  await namespace.kubectl([...secret, `--from-literal=token=${registrationToken}`]);
  const config = { ...spec.containers[0]!, image: agentImage };

  return {
    scene,
    namespace,
    async start(side, env = {}) {
      port += 1;
      const own = {
        SEMAPHORE_AGENT_ENDPOINT: scene.hub.endpoint,
        SEMAPHORE_AGENT_KUBERNETES_DEFAULT_IMAGE: images.debian,
        SEMAPHORE_AGENT_NAME: "agent-of-two",
        SEMAPHORE_AGENT_HEALTH_LISTEN: `:${port}`,
        ...Object.fromEntries(hostAccess.env.map(({ name, value }) => [name, value])),
        ...env,
      };
      const kept = config.env.filter(({ name }) => !(name in own));
      const container = {
        ...config,
        ports: [],
        readinessProbe: undefined,
        env: [...kept, ...Object.entries(own).map(([name, value]) => ({ name, value }))],
      };
      await namespace.apply({
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: side },
        spec: {
          ...spec,
          hostNetwork: hostAccess.hostNetwork,
          terminationGracePeriodSeconds: 5,
          containers: [container],
          volumes: [
            ...spec.volumes,
            { name: "state", hostPath: { path: mounts.paths[side === "first" ? 0 : 1] } },
          ],
        },
      });
    },
    async processes(jobId) {
      let job: number | undefined;
      await patiently("the job has a process", async () => ([job] = jobProcesses(jobId)).length > 0);
      const status = await readFile(`/proc/${job}/status`, "utf8");
      return { agent: Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]), job: job! };
    },
    restarts: async (side) =>
      Number(
        await namespace.kubectl([
          "get",
          "pod",
          side,
          "--output=jsonpath={.status.containerStatuses[0].restartCount}",
        ]),
      ),
    log: (side) => namespace.kubectl(["exec", side, "--", "cat", "/tmp/agent_log"]),
    [Symbol.asyncDispose]: () => cleanup.disposeAsync(),
  };
}

/** Objects of a published file. */
async function published(file: string): Promise<readonly Published[]> {
  const text = await readFile(path.join(root, "docs", "kubernetes", file), "utf8");
  return parseAllDocuments(text).map((document) => document.toJS() as Published);
}
