import { expect, test } from "bun:test";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import path from "node:path";
import { executorContext, jobRequest, tmpdir } from "signalman/testing";
import { createClient } from "../../plugins/kubernetes/client/client.ts";
import { loadConnection } from "../../plugins/kubernetes/client/connection.ts";
import { createKubernetesExecutor } from "../../plugins/kubernetes/executor.ts";
import { certificates, toKubeconfig } from "../support/cluster/certificates.ts";
import { adminToken, apiServer, files } from "../support/cluster/layout.ts";
import { createNamespace } from "./namespaces.ts";
import { settings } from "./subjects.ts";

/** Runs a job with this kubeconfig: every kind of call, and a connection by WebSocket. */
async function runWith(kubeconfig: string): Promise<string> {
  await using namespace = await createNamespace();
  await using directory = await tmpdir();
  const job = jobRequest({ id: crypto.randomUUID() });
  const connection = await loadConnection({ ...namespace.env, KUBECONFIG: kubeconfig });
  const executor = createKubernetesExecutor(executorContext(directory.path, { job }), {
    settings,
    connect: async () => createClient(connection),
  });
  expect(await executor.start(new AbortController().signal)).toBe(0);
  let output = "";
  await executor.run("echo hello", (chunk) => (output += Buffer.from(chunk).toString()));
  await executor[Symbol.asyncDispose]();
  await namespace.emptied();
  return output;
}

async function writeConfig(directory: string, config: object): Promise<string> {
  const file = path.join(directory, "config");
  await Bun.write(file, JSON.stringify(config));
  return file;
}

test("a client certificate", async () => {
  expect(await runWith(files.certificateKubeconfig)).toBe("hello\n");
}, 120_000);

test("a program that prints a token", async () => {
  await using directory = await tmpdir();
  const credential = {
    apiVersion: "client.authentication.k8s.io/v1",
    kind: "ExecCredential",
    status: { token: adminToken },
  };
  const exec = {
    apiVersion: credential.apiVersion,
    command: "echo",
    args: [JSON.stringify(credential)],
    interactiveMode: "Never",
  };
  const file = path.join(directory.path, "config");
  await Bun.write(file, toKubeconfig({ exec }));
  expect(await runWith(file)).toBe("hello\n");
}, 120_000);

test("a proxy, and a server whose certificate has another name", async () => {
  await using directory = await tmpdir();
  const tunnels: string[] = [];
  const proxy: Server = createServer();
  proxy.on("connect", ({ url = "" }, client, head) => {
    tunnels.push(url);
    const [, port] = url.split(":");
    const target = connect(Number(port), "127.0.0.1", () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      target.write(head);
      target.pipe(client).pipe(target);
    });
    for (const socket of [client, target]) socket.on("error", () => {});
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const config = JSON.parse(
    toKubeconfig({ token: adminToken }, { server: apiServer.replace("127.0.0.1", "127.0.0.2") }),
  ) as {
    clusters: { cluster: Record<string, string> }[];
  };
  Object.assign(config.clusters[0]!.cluster, {
    "proxy-url": `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    "tls-server-name": "kubernetes",
    "certificate-authority-data": readFileSync(certificates.ca).toString("base64"),
  });
  expect(await runWith(await writeConfig(directory.path, config))).toBe("hello\n");
  expect(tunnels.length).toBeGreaterThan(0);
  proxy.close();
}, 120_000);

test("a token that the server does not know is refused in the server's words", async () => {
  await using directory = await tmpdir();
  const file = path.join(directory.path, "config");
  await Bun.write(file, toKubeconfig({ token: "unknown" }));
  const client = createClient(await loadConnection({ KUBECONFIG: file }));
  expect(client.call("GET", "/api/v1/namespaces/default/pods")).rejects.toThrow("Unauthorized");
});
