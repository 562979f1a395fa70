import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { startProxy } from "../proxy.ts";
import { toKubeconfig } from "./certificates.ts";
import { run } from "./command.ts";
import { daemonPid, startDaemon, stopDaemon } from "./daemon.ts";
import { importImages } from "./images.ts";
import { adminToken, cable, directories, files, ports, secondNode } from "./layout.ts";
import { unmountBelow } from "./mounts.ts";
import { startContainerd, startKubelet } from "./node.ts";
import { killEverything } from "./shims.ts";

/**
 * A second node of the cluster: a kubelet and a containerd in a network namespace, with a cable to the host. Pods that
 * tolerate its taint and select it run on it. Disposal removes it with everything that runs on it.
 */
export interface SecondNode extends AsyncDisposable {
  /** Unplugs the cable: packets of both directions are lost, and no connection is closed. */
  unplug(): Promise<void>;
  /** Plugs the cable in. */
  plug(): Promise<void>;
  /** Cuts the power: every process of the node is killed, and what it has in memory is lost. */
  crash(): Promise<void>;
  /** Starts a node after a crash. Resolves when the API server has it as ready. */
  boot(): Promise<void>;
}

/** Starts the node in the running cluster. Resolves when it is ready. */
export async function startSecondNode(): Promise<SecondNode> {
  await using cleanup = new AsyncDisposableStack();
  await removeSecondNode();
  cleanup.defer(removeSecondNode);
  await connectNetwork();
  // The API server listens on the loopback of the host only.
  const target = () => `127.0.0.1:${ports.apiServer}`;
  const place = { host: cable.host, port: ports.apiServer };
  const { endpoint } = cleanup.use(await startProxy(target, place));
  const server = { server: `https://${endpoint}`, serverName: "localhost" };
  await mkdir(secondNode.run, { recursive: true });
  await writeFile(secondNode.kubeconfig, toKubeconfig({ token: adminToken }, server), { mode: 0o600 });
  for (const directory of controlGroups()) await mkdir(directory, { recursive: true });
  const boot = async () => {
    await startContainerd(secondNode, within());
    await importImages(secondNode);
    await startKubelet(secondNode, within());
  };
  await boot();
  const owned = cleanup.move();
  return {
    unplug: () => setLink("eth0", "down"),
    plug: () => setLink("eth0", "up"),
    crash,
    boot,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Removes the node, also one that another process has left. */
export async function removeSecondNode(): Promise<void> {
  await crash();
  // While the cable is unplugged, the kernel keeps the connections of killed processes for minutes, and with them the
  // network namespace and the cable.
  if (daemonPid(network) !== undefined) await ip("link", "delete", "eth0").catch(() => {});
  await stopDaemon(network, "SIGKILL");
  if (daemonPid("kube-apiserver") !== undefined) {
    const kubectl = [files.kubectl, "--kubeconfig", files.kubeconfig];
    // A node that stays in the API is registered again at the next start.
    await run([...kubectl, "delete", "node", secondNode.name, "--ignore-not-found"]).catch(() => {});
  }
  await rm(secondNode.run, { recursive: true, force: true });
  for (const directory of controlGroups())
    if (existsSync(directory))
      await run(["find", directory, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+"]);
}

async function crash(): Promise<void> {
  await stopDaemon(secondNode.kubelet, "SIGKILL");
  await stopDaemon(secondNode.containerd, "SIGKILL");
  await killEverything(secondNode);
  for (const directory of [secondNode.data, secondNode.run]) await unmountBelow(directory);
  await rm(path.join(secondNode.run, "containerd"), { recursive: true, force: true });
}

/** The process that holds the node's network namespace. */
const network = "second-network";

const namespacePath = () => `/proc/${daemonPid(network)}/ns/net`;
const within = () => ["nsenter", `--net=${namespacePath()}`];

async function connectNetwork(): Promise<void> {
  startDaemon(network, { command: ["unshare", "--net", "sleep", "infinity"] });
  const own = readlinkSync("/proc/self/ns/net");
  while (readlinkSync(namespacePath()) === own) await Bun.sleep(10);
  await setLink("lo", "up");
  const programs = path.join(directories.packages, "usr", "lib", "cni");
  const addresses = [{ address: `${cable.node}/24`, gateway: cable.host }];
  await run([path.join(programs, "ptp")], {
    env: {
      CNI_COMMAND: "ADD",
      CNI_CONTAINERID: network,
      CNI_NETNS: namespacePath(),
      CNI_IFNAME: "eth0",
      CNI_PATH: programs,
    },
    stdin: JSON.stringify({
      cniVersion: "1.0.0",
      name: network,
      type: "ptp",
      ipam: { type: "static", addresses },
    }),
  });
}

function setLink(name: string, state: "up" | "down"): Promise<void> {
  return ip("link", "set", name, state);
}

async function ip(...words: string[]): Promise<void> {
  const busybox = path.join(directories.packages, "bin", "busybox");
  await run([...within(), busybox, "ip", ...words]);
}

/** The parent of the control groups of the node's pods, in each hierarchy. */
function controlGroups(): string[] {
  const top = "/sys/fs/cgroup";
  const isUnified = existsSync(path.join(top, "cgroup.controllers"));
  const hierarchies = isUnified ? [top] : readdirSync(top).map((name) => path.join(top, name));
  return hierarchies.map((hierarchy) => path.join(hierarchy, secondNode.cgroupRoot));
}
