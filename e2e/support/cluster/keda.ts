import { copyFile, mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { certificates, sign } from "./certificates.ts";
import { buildKeda } from "./charts.ts";
import { daemonPid, startDaemon, stopDaemon, waitForDaemon } from "./daemon.ts";
import { directories, files, ports } from "./layout.ts";

const name = "keda";

/** Starts KEDA's operator beside the running cluster, which knows its kinds of objects. Disposal ends it. */
export async function startKeda(): Promise<AsyncDisposable> {
  const program = await buildKeda();
  await stopDaemon(name);
  const directory = path.join(directories.run, "keda-certificates");
  await mkdir(directory, { recursive: true });
  await sign({ name, subject: "/CN=keda-operator", extensions: "subjectAltName=DNS:keda-operator" });
  const own = (file: string) => path.join(directories.certificates, file);
  for (const [from, to] of [
    [own("keda.crt"), "tls.crt"],
    [own("keda.key"), "tls.key"],
    [certificates.ca, "ca.crt"],
  ] as const)
    await copyFile(from, path.join(directory, to));
  const loopback = (port: number) => `127.0.0.1:${port}`;
  startDaemon(name, {
    command: [
      program,
      "--enable-cert-rotation=false",
      `--cert-dir=${directory}`,
      `--health-probe-bind-address=${loopback(ports.kedaHealth)}`,
      "--metrics-bind-address=0",
      `--metrics-service-bind-address=${loopback(ports.kedaMetrics)}`,
    ],
    env: {
      KUBECONFIG: files.kubeconfig,
      POD_NAMESPACE: "default",
      KEDA_CLUSTER_OBJECT_NAMESPACE: "default",
      WATCH_NAMESPACE: "",
    },
  });
  await waitForDaemon(
    name,
    async () =>
      (await fetch(`http://${loopback(ports.kedaHealth)}/readyz`)).ok && daemonPid(name) !== undefined,
  );
  return {
    async [Symbol.asyncDispose]() {
      await stopDaemon(name);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
