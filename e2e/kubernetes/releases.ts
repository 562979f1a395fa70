import { mkdir } from "node:fs/promises";
import path from "node:path";
import { createScene, type Scene } from "../support/agents.ts";
import { helm } from "../support/cluster/charts.ts";
import { images } from "../support/cluster/images.ts";
import { cable, firstNode } from "../support/cluster/layout.ts";
import { root } from "../support/fixtures.ts";
import { registrationToken } from "../support/hub-process.ts";
import { startProxy } from "../support/proxy.ts";
import { agentImage, hostAccess } from "./agent-image.ts";
import { createNamespace, type Namespace, patiently } from "./namespaces.ts";

export const chart = path.join(root, "docs", "kubernetes", "chart");

/** A release of the chart with a hub on this host. Disposal removes both. */
export interface Release extends AsyncDisposable {
  readonly scene: Scene;
  readonly namespace: Namespace;
  /** Installs or upgrades the release `agent`; waits until its agents are ready. */
  apply(values?: object): Promise<string>;
  /** Runs Helm in the namespace. */
  helm(args: readonly string[]): Promise<string>;
  /** Directory of this host with the volumes of claims. */
  readonly volumes: string;
  /** Creates a volume for a claim, and returns its directory on this host. */
  addVolume(claim: string): Promise<string>;
  /** Names and uids of the agents' pods. */
  agents(): Promise<string>;
  done(id: string): Promise<string>;
}

let port = 9700 + (process.pid % 200);

/** The nodes on which agents can run. */
type Reach = "first node" | "every node";

/**
 * Agents of every node have the state of mode `statefulset` in a directory of this host, and reach the hub at the
 * host's end of the cable.
 */
export async function createRelease(
  mode: "deployment" | "statefulset" | "scaled-job",
  reach: Reach = "first node",
): Promise<Release> {
  const namespace = await createNamespace();
  const scene = await createScene({ hub: ["--hosts", cable.host] });
  const proxy =
    reach === "every node"
      ? await startProxy(() => scene.hub.endpoint, { host: cable.host, port: 0 })
      : undefined;
  const volumes = createVolumes(namespace, scene, reach);
  if (mode === "statefulset") await volumes.add("state-agent-0");
  const [repository = "", tag = ""] = agentImage.split(":");
  // Agents are on the host's network.
  port += 1;
  const base = {
    mode,
    image: { repository, tag },
    endpoint: proxy?.endpoint ?? scene.hub.endpoint,
    token: registrationToken,
    hostNetwork: hostAccess.hostNetwork,
    env: hostAccess.env,
    health: { port },
    statefulset: { storage: { storageClass: "-", size: "1Gi" } },
    kubernetes: { defaultImage: images.debian },
  };
  const inNamespace = (args: readonly string[]) => helm([...args, "--namespace", namespace.name]);
  return {
    scene,
    namespace,
    async apply(values = {}) {
      const file = await scene.tester.write("values.json", JSON.stringify(base));
      const more = await scene.tester.write("more.json", JSON.stringify(values));
      return inNamespace([
        "upgrade",
        "--install",
        "agent",
        chart,
        "--values",
        file,
        "--values",
        more,
        "--wait",
        "--timeout",
        "110s",
      ]);
    },
    helm: inNamespace,
    volumes: volumes.root,
    addVolume: volumes.add,
    agents: () =>
      namespace.kubectl([
        "get",
        "pods",
        "--selector=app.kubernetes.io/name=signalman-agent",
        "--output=jsonpath={range .items[*]}{.metadata.name} {.metadata.uid}{end}",
      ]),
    async done(id) {
      await patiently(`job ${id} is done`, async () => (await scene.hub.job(id)).isDone, 240_000);
      return (await scene.hub.job(id)).result ?? "";
    },
    async [Symbol.asyncDispose]() {
      await inNamespace(["uninstall", "agent", "--ignore-not-found"]).catch(() => {});
      await proxy?.[Symbol.asyncDispose]();
      await scene[Symbol.asyncDispose]();
      await namespace[Symbol.asyncDispose]();
      await volumes.remove();
    },
  };
}

/** Volumes that are directories of this host, as the cluster has no provisioner. */
function createVolumes({ name, apply, kubectl }: Namespace, scene: Scene, reach: Reach) {
  const toSource = reach === "first node" ? toLocalSource : toSharedSource;
  const names: string[] = [];
  const root = path.join(scene.tester.home, "volumes");
  return {
    root,
    async add(claim: string): Promise<string> {
      const directory = path.join(root, claim);
      await mkdir(directory, { recursive: true });
      const volume = `${name}-${claim}`;
      names.push(volume);
      await apply(toVolume(volume, toSource(directory), { namespace: name, name: claim }));
      return directory;
    },
    async remove(): Promise<void> {
      for (const volume of names) await kubectl(["delete", "persistentvolume", volume, "--wait=false"]);
    },
  };
}

function toVolume(name: string, source: object, claimRef: object): object {
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      persistentVolumeReclaimPolicy: "Retain",
      storageClassName: "",
      claimRef,
      ...source,
    },
  };
}

function toLocalSource(directory: string): object {
  const hostname = { key: "kubernetes.io/hostname", operator: "In", values: [firstNode.name] };
  return {
    local: { path: directory },
    nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [hostname] }] } },
  };
}

function toSharedSource(directory: string): object {
  return { hostPath: { path: directory } };
}
