import { homedir } from "node:os";
import path from "node:path";
import { resolveLinks } from "../../../src/os/state/file.ts";

/** The cluster's own directory: built files, data and sockets. `SIGNALMAN_CLUSTER_DIR` overrides it. */
export const home = resolveLinks(
  process.env["SIGNALMAN_CLUSTER_DIR"] ??
    path.join(process.env["XDG_CACHE_HOME"] || path.join(homedir(), ".cache"), "signalman-cluster"),
);

const under = (...names: string[]) => path.join(home, ...names);

export const directories = {
  /** Unpacked Debian packages. */
  packages: under("packages"),
  /** The Kubernetes binary and its names. */
  bin: under("bin"),
  images: under("images"),
  certificates: under("certificates"),
  /** State of the components; removed by no command, so that a restart takes seconds. */
  data: under("data"),
  /** Sockets, pid files and logs of the running cluster. */
  run: under("run"),
} as const;

export const files = {
  lock: under("lock"),
  kubeconfig: under("kubeconfig"),
  /** Authenticates by a client certificate instead of a token. */
  certificateKubeconfig: under("kubeconfig-certificate"),
  kubectl: under("bin", "kubectl"),
  ctr: under("packages", "usr", "bin", "ctr"),
  containerdSocket: under("run", "containerd.sock"),
} as const;

/** A node: where its containerd and its kubelet have their state. */
export interface NodeLayout {
  /** The name must resolve without an entry in /etc/hosts: the API server reaches the kubelet by it. */
  readonly name: string;
  /** Address on which the kubelet listens. */
  readonly address: string;
  /** Names of its components. */
  readonly containerd: string;
  readonly kubelet: string;
  readonly data: string;
  readonly run: string;
  readonly containerdSocket: string;
  readonly kubeconfig: string;
  readonly podNetwork: { readonly name: string; readonly bridge: string; readonly subnet: string };
  /** Parent of the control groups of its pods. */
  readonly cgroupRoot: string;
  /** A pod that does not tolerate this taint is not scheduled on the node. */
  readonly taint?: string;
}

export const firstNode: NodeLayout = {
  name: "localhost",
  address: "127.0.0.1",
  containerd: "containerd",
  kubelet: "kubelet",
  data: directories.data,
  run: directories.run,
  containerdSocket: files.containerdSocket,
  kubeconfig: files.kubeconfig,
  podNetwork: { name: "signalman", bridge: "signalman0", subnet: "10.87.0.0/16" },
  cgroupRoot: "/",
};

/** The host, as pods of the first node see it. It has the address while the network of pods exists. */
export const podGateway = "10.87.0.1";

/** Addresses of the second node and of the host, at the two ends of their cable. */
export const cable = { node: "10.85.0.2", host: "10.85.0.1" } as const;

/** A node of some tests, with a network namespace of its own. */
export const secondNode: NodeLayout = {
  name: cable.node,
  address: cable.node,
  containerd: "second-containerd",
  kubelet: "second-kubelet",
  data: under("data", "second"),
  run: under("run", "second"),
  containerdSocket: under("run", "second", "containerd.sock"),
  kubeconfig: under("run", "second", "kubeconfig"),
  podNetwork: { name: "signalman-second", bridge: "signalman0", subnet: "10.88.0.0/16" },
  cgroupRoot: "/signalman-second",
  taint: "signalman/second",
};

export const ports = {
  apiServer: 26443,
  etcd: 26379,
  etcdPeer: 26380,
  kubelet: 26250,
  kubeletHealth: 26248,
  controllerManager: 26257,
  scheduler: 26259,
  kedaHealth: 26281,
  kedaMetrics: 26282,
} as const;

export const apiServer = `https://127.0.0.1:${ports.apiServer}`;
/** Opens the loopback cluster only, so it may stand here. */
export const adminToken = "signalman-cluster-admin";
export const serviceNetwork = "10.86.0.0/16";
