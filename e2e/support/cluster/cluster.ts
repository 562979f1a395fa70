import { mkdirSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { takeLock } from "signalman/host";
import { buildBinaries } from "./binary.ts";
import { createCertificates } from "./certificates.ts";
import { run } from "./command.ts";
import { controlPlane, startControlPlane } from "./control-plane.ts";
import { daemonPid, stopDaemon } from "./daemon.ts";
import { buildImages, importImages } from "./images.ts";
import { directories, files, firstNode, home } from "./layout.ts";
import { unmountBelow } from "./mounts.ts";
import { startContainerd, startKubelet } from "./node.ts";
import { removeSecondNode } from "./second-node.ts";
import { killShims, shimsOf } from "./shims.ts";

/** Builds what is missing and starts what does not run. The cluster stays; any number of processes may call this. */
export async function startCluster(): Promise<void> {
  using _lock = await waitForLock();
  if (process.getuid?.() !== 0) throw new Error("the cluster needs root: it runs containerd and a kubelet");
  await mkdir(directories.run, { recursive: true });
  await mkdir(directories.data, { recursive: true });
  await build();
  await startContainerd();
  await importImages();
  await startControlPlane();
  await startKubelet();
}

/** Ends the cluster with its pods, shims and mounts. Its files stay. */
export async function stopCluster(): Promise<void> {
  using _lock = await waitForLock();
  if (daemonPid("kube-apiserver") !== undefined && daemonPid(firstNode.kubelet) !== undefined) {
    const pods = [
      files.kubectl,
      "--kubeconfig",
      files.kubeconfig,
      "delete",
      "pods",
      "--all",
      "--all-namespaces",
    ];
    await run([...pods, "--grace-period=0", "--force", "--wait=false"]).catch(() => {});
    await waitForShims(10_000);
  }
  await removeSecondNode();
  await stopDaemon(firstNode.kubelet);
  for (const name of controlPlane.toReversed()) await stopDaemon(name);
  killShims(firstNode);
  await stopDaemon(firstNode.containerd);
  for (const directory of [directories.data, directories.run]) await unmountBelow(directory);
  await rm(directories.run, { recursive: true, force: true });
}

/** Pids of the components that run, by name. */
export function runningComponents(): Map<string, number> {
  const names = [firstNode.containerd, ...controlPlane, firstNode.kubelet];
  return new Map(
    names.flatMap((name) => {
      const pid = daemonPid(name);
      return pid === undefined ? [] : [[name, pid] as const];
    }),
  );
}

async function build(): Promise<void> {
  const { unpackPackages } = await import("./packages.ts");
  await unpackPackages();
  await createCertificates();
  await buildBinaries();
  await buildImages();
}

/** One start or stop at a time on this machine. */
async function waitForLock(): Promise<Disposable> {
  mkdirSync(home, { recursive: true });
  for (;;) {
    const lock = takeLock(files.lock);
    if (lock !== undefined) return lock;
    await Bun.sleep(200);
  }
}

async function waitForShims(patienceMs: number): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (shimsOf(firstNode).length > 0 && performance.now() < deadline) await Bun.sleep(100);
}
