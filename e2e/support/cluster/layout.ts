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
  cniConfigs: under("run", "cni"),
} as const;

/** The name must resolve to this host without an entry in /etc/hosts: the API server reaches the kubelet by it. */
export const nodeName = "localhost";

export const ports = {
  apiServer: 26443,
  etcd: 26379,
  etcdPeer: 26380,
  kubelet: 26250,
  kubeletHealth: 26248,
  controllerManager: 26257,
  scheduler: 26259,
} as const;

export const apiServer = `https://127.0.0.1:${ports.apiServer}`;
/** Opens the loopback cluster only, so it may stand here. */
export const adminToken = "signalman-cluster-admin";
export const podNetwork = "10.87.0.0/16";
export const serviceNetwork = "10.86.0.0/16";
