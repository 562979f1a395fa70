import path from "node:path";
import { certificates } from "./certificates.ts";
import { startDaemon, waitForDaemon } from "./daemon.ts";
import { adminToken, apiServer, directories, files, ports, serviceNetwork } from "./layout.ts";

/** In the order in which they start. */
export const controlPlane = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"] as const;

const bin = (name: string) => path.join(directories.bin, name);

/** Starts what does not run of the control plane and waits until it is ready. */
export async function startControlPlane(): Promise<void> {
  startEtcd();
  startApiServer();
  await waitForApiServer();
  startDaemon("kube-controller-manager", {
    command: [
      bin("kube-controller-manager"),
      `--kubeconfig=${files.kubeconfig}`,
      `--secure-port=${ports.controllerManager}`,
      "--bind-address=127.0.0.1",
      "--leader-elect=false",
      `--root-ca-file=${certificates.ca}`,
      `--service-account-private-key-file=${certificates.serviceAccountKey}`,
      "--node-monitor-grace-period=40s",
    ],
  });
  startDaemon("kube-scheduler", {
    command: [
      bin("kube-scheduler"),
      `--kubeconfig=${files.kubeconfig}`,
      `--secure-port=${ports.scheduler}`,
      "--bind-address=127.0.0.1",
      "--leader-elect=false",
    ],
  });
}

export function startEtcd(): void {
  const url = `http://127.0.0.1:${ports.etcd}`;
  const peer = `http://127.0.0.1:${ports.etcdPeer}`;
  startDaemon("etcd", {
    command: [
      path.join(directories.packages, "usr", "bin", "etcd"),
      "--name=cluster",
      `--data-dir=${path.join(directories.data, "etcd")}`,
      "--unsafe-no-fsync",
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=cluster=${peer}`,
    ],
  });
}

export function startApiServer(): void {
  startDaemon("kube-apiserver", {
    command: [
      bin("kube-apiserver"),
      "--bind-address=127.0.0.1",
      `--secure-port=${ports.apiServer}`,
      "--advertise-address=127.0.0.1",
      `--etcd-servers=http://127.0.0.1:${ports.etcd}`,
      `--service-cluster-ip-range=${serviceNetwork}`,
      "--endpoint-reconciler-type=none",
      `--client-ca-file=${certificates.ca}`,
      `--tls-cert-file=${certificates.apiServer}`,
      `--tls-private-key-file=${certificates.apiServerKey}`,
      `--token-auth-file=${certificates.tokens}`,
      "--authorization-mode=Node,RBAC",
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${certificates.serviceAccountKey}`,
      `--service-account-signing-key-file=${certificates.serviceAccountKey}`,
      `--kubelet-client-certificate=${certificates.admin}`,
      `--kubelet-client-key=${certificates.adminKey}`,
      "--kubelet-preferred-address-types=Hostname",
      "--allow-privileged=true",
      "--shutdown-delay-duration=0s",
    ],
  });
}

export async function waitForApiServer(): Promise<void> {
  await waitForDaemon("etcd", async () => (await fetch(`http://127.0.0.1:${ports.etcd}/health`)).ok);
  await waitForDaemon("kube-apiserver", async () => (await ask("/readyz")).ok);
}

/** A request of the administrator to the API server. */
export function ask(pathname: string): Promise<Response> {
  return fetch(`${apiServer}${pathname}`, {
    headers: { authorization: `Bearer ${adminToken}` },
    tls: { ca: Bun.file(certificates.ca) },
    signal: AbortSignal.timeout(5000),
  });
}
