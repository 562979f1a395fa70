import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { certificates } from "./certificates.ts";
import { run } from "./command.ts";
import { ask } from "./control-plane.ts";
import { startDaemon, waitForDaemon } from "./daemon.ts";
import { pauseImage } from "./images.ts";
import { directories, files, nodeName, podNetwork, ports } from "./layout.ts";

const packaged = (...names: string[]) => path.join(directories.packages, "usr", ...names);
const inRun = (...names: string[]) => path.join(directories.run, ...names);
const inData = (...names: string[]) => path.join(directories.data, ...names);

/** containerd finds its shim, and runc its helpers, by this. */
const env = { PATH: `${packaged("bin")}:${packaged("sbin")}:${process.env["PATH"]}` };

export async function startContainerd(): Promise<void> {
  await mkdir(files.cniConfigs, { recursive: true });
  await writeFile(path.join(files.cniConfigs, "10-cluster.conflist"), JSON.stringify(cniConfig()));
  await writeFile(inRun("containerd.toml"), containerdConfig());
  startDaemon("containerd", {
    command: [packaged("bin", "containerd"), "--config", inRun("containerd.toml")],
    env,
  });
  const list = [files.ctr, "--address", files.containerdSocket, "version"];
  await waitForDaemon("containerd", async () => (await run(list)) !== "");
}

export async function startKubelet(): Promise<void> {
  await writeFile(inRun("kubelet.json"), JSON.stringify(kubeletConfig()));
  startDaemon("kubelet", {
    command: [
      path.join(directories.bin, "kubelet"),
      `--kubeconfig=${files.kubeconfig}`,
      `--config=${inRun("kubelet.json")}`,
      `--root-dir=${inData("kubelet")}`,
      `--cert-dir=${inData("kubelet-pki")}`,
      `--hostname-override=${nodeName}`,
    ],
    env,
  });
  await waitForDaemon("kubelet", isNodeReady);
}

async function isNodeReady(): Promise<boolean> {
  const node = (await (await ask(`/api/v1/nodes/${nodeName}`)).json()) as {
    spec?: { taints?: readonly { key: string }[] };
    status?: { conditions?: readonly { type: string; status: string }[] };
  };
  const isTainted = node.spec?.taints?.some(({ key }) => key === "node.kubernetes.io/not-ready") ?? false;
  const conditions = node.status?.conditions ?? [];
  return !isTainted && conditions.some(({ type, status }) => type === "Ready" && status === "True");
}

function cniConfig(): object {
  return {
    cniVersion: "1.0.0",
    name: "signalman",
    plugins: [
      {
        type: "bridge",
        bridge: "signalman0",
        isGateway: true,
        ipMasq: false,
        ipam: { type: "host-local", ranges: [[{ subnet: podNetwork }]], dataDir: inData("cni") },
      },
      { type: "loopback" },
    ],
  };
}

function containerdConfig(): string {
  const cri = "io.containerd.grpc.v1.cri";
  return `version = 2
root = "${inData("containerd")}"
state = "${inRun("containerd")}"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]

[grpc]
address = "${files.containerdSocket}"

[ttrpc]
address = "${files.containerdSocket}.ttrpc"

[plugins."io.containerd.internal.v1.opt"]
path = "${inData("containerd-opt")}"

[plugins."${cri}"]
sandbox_image = "${pauseImage}"
restrict_oom_score_adj = true
stream_server_address = "127.0.0.1"

[plugins."${cri}".cni]
bin_dir = "${packaged("lib", "cni")}"
conf_dir = "${files.cniConfigs}"

[plugins."${cri}".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."${cri}".containerd.runtimes.runc.options]
BinaryName = "${packaged("sbin", "runc")}"
`;
}

function kubeletConfig(): object {
  const low = "1%";
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address: "127.0.0.1",
    port: ports.kubelet,
    healthzPort: ports.kubeletHealth,
    authentication: { anonymous: { enabled: false }, x509: { clientCAFile: certificates.ca } },
    authorization: { mode: "AlwaysAllow" },
    containerRuntimeEndpoint: `unix://${files.containerdSocket}`,
    cgroupDriver: "cgroupfs",
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
    podLogsDir: inData("pod-logs"),
    resolvConf: "/etc/resolv.conf",
    registerNode: true,
  };
}
