import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { certificates } from "./certificates.ts";
import { run } from "./command.ts";
import { ask } from "./control-plane.ts";
import { startDaemon, waitForDaemon } from "./daemon.ts";
import { pauseImage } from "./images.ts";
import { directories, files, firstNode, type NodeLayout, ports } from "./layout.ts";

const packaged = (...names: string[]) => path.join(directories.packages, "usr", ...names);

/** containerd finds its shim, and runc its helpers, by this. */
const env = { PATH: `${packaged("bin")}:${packaged("sbin")}:${process.env["PATH"]}` };

/** Starts the node's containerd, unless it runs. `within` are words before its command. */
export async function startContainerd(node = firstNode, within: readonly string[] = []): Promise<void> {
  const configs = path.join(node.run, "cni");
  await mkdir(configs, { recursive: true });
  await writeFile(path.join(configs, "10-cluster.conflist"), JSON.stringify(toCniConfig(node)));
  const config = path.join(node.run, "containerd.toml");
  await writeFile(config, toContainerdConfig(node, configs));
  startDaemon(node.containerd, {
    command: [...within, packaged("bin", "containerd"), "--config", config],
    env,
  });
  const list = [files.ctr, "--address", node.containerdSocket, "version"];
  await waitForDaemon(node.containerd, async () => (await run(list)) !== "");
}

/** Starts the node's kubelet, unless it runs, and waits until the node is ready. */
export async function startKubelet(node = firstNode, within: readonly string[] = []): Promise<void> {
  const config = path.join(node.run, "kubelet.json");
  await writeFile(config, JSON.stringify(toKubeletConfig(node)));
  startDaemon(node.kubelet, {
    command: [
      ...within,
      path.join(directories.bin, "kubelet"),
      `--kubeconfig=${node.kubeconfig}`,
      `--config=${config}`,
      `--root-dir=${path.join(node.data, "kubelet")}`,
      `--cert-dir=${path.join(node.data, "kubelet-pki")}`,
      `--hostname-override=${node.name}`,
    ],
    env,
  });
  await waitForDaemon(node.kubelet, () => isNodeReady(node.name));
}

async function isNodeReady(name: string): Promise<boolean> {
  const node = (await (await ask(`/api/v1/nodes/${name}`)).json()) as {
    spec?: { taints?: readonly { key: string }[] };
    status?: { conditions?: readonly { type: string; status: string }[] };
  };
  const isTainted = node.spec?.taints?.some(({ key }) => /\/(not-ready|unreachable)$/.test(key)) ?? false;
  const conditions = node.status?.conditions ?? [];
  return !isTainted && conditions.some(({ type, status }) => type === "Ready" && status === "True");
}

function toCniConfig({ data, podNetwork: { name, bridge, subnet } }: NodeLayout): object {
  return {
    cniVersion: "1.0.0",
    name,
    plugins: [
      {
        type: "bridge",
        bridge,
        isGateway: true,
        ipMasq: false,
        ipam: { type: "host-local", ranges: [[{ subnet }]], dataDir: path.join(data, "cni") },
      },
      { type: "loopback" },
    ],
  };
}

function toContainerdConfig({ data, run, containerdSocket }: NodeLayout, cniConfigs: string): string {
  const cri = "io.containerd.grpc.v1.cri";
  return `version = 2
root = "${path.join(data, "containerd")}"
state = "${path.join(run, "containerd")}"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]

[grpc]
address = "${containerdSocket}"

[ttrpc]
address = "${containerdSocket}.ttrpc"

[plugins."io.containerd.internal.v1.opt"]
path = "${path.join(data, "containerd-opt")}"

[plugins."${cri}"]
sandbox_image = "${pauseImage}"
restrict_oom_score_adj = true
stream_server_address = "127.0.0.1"

[plugins."${cri}".cni]
bin_dir = "${packaged("lib", "cni")}"
conf_dir = "${cniConfigs}"

[plugins."${cri}".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."${cri}".containerd.runtimes.runc.options]
BinaryName = "${packaged("sbin", "runc")}"
`;
}

function toKubeletConfig({ address, data, containerdSocket, cgroupRoot, taint }: NodeLayout): object {
  const low = "1%";
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address,
    port: ports.kubelet,
    healthzPort: ports.kubeletHealth,
    authentication: { anonymous: { enabled: false }, x509: { clientCAFile: certificates.ca } },
    authorization: { mode: "AlwaysAllow" },
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    cgroupDriver: "cgroupfs",
    cgroupRoot,
    failCgroupV1: false,
    failSwapOn: false,
    enforceNodeAllocatable: [],
    makeIPTablesUtilChains: false,
    evictionHard: {
      "memory.available": "100Mi",
      "nodefs.available": low,
      "imagefs.available": low,
      "nodefs.inodesFree": low,
    },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    maxPods: 200,
    serializeImagePulls: false,
    podLogsDir: path.join(data, "pod-logs"),
    resolvConf: "/etc/resolv.conf",
    registerNode: true,
    registerWithTaints: taint === undefined ? [] : [{ key: taint, effect: "NoSchedule" }],
  };
}
