import { beforeAll, expect, test } from "bun:test";
import { copyFile, mkdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { AwsClient } from "aws4fetch";
import { parseAllDocuments } from "yaml";
import { createCredentials } from "../../plugins/cache/credentials.ts";
import { toSharedSecret } from "../../plugins/cache/service/shared-secret.ts";
import { startCluster } from "../support/cluster/cluster.ts";
import { buildOnDebian } from "../support/cluster/images.ts";
import { podGateway } from "../support/cluster/layout.ts";
import { binary, root } from "../support/fixtures.ts";
import { outline } from "../support/jobs.ts";
import { createPodScene } from "./agents.ts";
import { patiently } from "./namespaces.ts";

const image = "signalman/cache:test";
const secret = "a secret of 32 characters or more";
/** The project of every job that the hub starts. */
const project = "00000000-0000-4000-8000-000000000002";

beforeAll(async () => {
  await startCluster();
  const directory = path.join(root, "dist", "cache-image");
  await rm(directory, { recursive: true, force: true });
  await mkdir(path.join(directory, "opt", "semaphore"), { recursive: true });
  await copyFile(binary, path.join(directory, "opt", "semaphore", "agent"));
  await buildOnDebian(image, directory, { user: "1000" });
}, 180_000);

interface Published {
  readonly kind: string;
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly { readonly env: readonly { readonly name: string }[] }[];
      };
    };
  };
}

test("jobs in pods use the cache of the published file, as user 1000 with a read-only root", async () => {
  await using at = await createPodScene();
  const { namespace, scene } = at;
  const text = await readFile(path.join(root, "docs/kubernetes/cache.yaml"), "utf8");
  const objects = parseAllDocuments(text).map((document) => document.toJS() as Published);
  expect(objects.map(({ kind }) => kind)).toEqual(["Deployment", "Service"]);
  await namespace.kubectl([
    "create",
    "secret",
    "generic",
    "signalman-cache",
    `--from-literal=secret=${secret}`,
  ]);
  const { spec } = objects[0]!.spec.template;
  const port = 20_000 + (process.pid % 10_000);
  const containers = spec.containers.map((container) => ({
    ...container,
    image,
    env: [
      ...container.env.filter(({ name }) => name !== "SEMAPHORE_AGENT_CACHE_LISTEN"),
      { name: "SEMAPHORE_AGENT_CACHE_LISTEN", value: `:${port}` },
    ],
    ports: [{ name: "cache", containerPort: port, hostPort: port }],
  }));
  // The cluster has no service network, and pods do not reach each other: the cache is in the host's network.
  await namespace.apply({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "cache" },
    spec: { ...spec, hostNetwork: true, containers },
  });
  const read = (field: string) => namespace.kubectl(["get", "pod", "cache", `--output=jsonpath=${field}`]);
  await patiently(
    "the cache is ready",
    async () => (await read("{.status.containerStatuses[0].ready}")) === "true",
  );
  const url = `http://${podGateway}:${port}`;

  const credentials = createCredentials({ secret: toSharedSecret(secret), isAlive: () => true });
  const key = credentials.issue({ project, job: "another job", canWrite: true });
  const client = new AwsClient({
    accessKeyId: key.id,
    secretAccessKey: key.secret,
    service: "s3",
    region: "auto",
  });
  const object = `${url}/cache/${project}/node`;
  expect((await client.fetch(object, { method: "PUT", body: "the modules" })).status).toBe(200);
  const signed = (await client.sign(object, { method: "GET", aws: { signQuery: true } })).url;

  await at.start([], { SEMAPHORE_AGENT_CACHE_URL: url, SEMAPHORE_AGENT_CACHE_SECRET: secret });
  const host = new URL(url).host;
  const request = `GET ${signed.slice(url.length)} HTTP/1.1\\r\\nHost: ${host}\\r\\nConnection: close\\r\\n\\r\\n`;
  const id = await scene.hub.submit({
    commands: [
      "env | grep ^SEMAPHORE_CACHE_ | sort",
      `(exec 9<>/dev/tcp/${host.replace(":", "/")}; printf '${request.replaceAll("%", "%%")}' >&9; timeout 60 cat <&9)`,
    ],
  });
  expect(await at.result(id)).toBe("passed");
  const log = outline(await scene.hub.log(id)).join("\n");
  expect(log).toContain("SEMAPHORE_CACHE_BACKEND=s3\n");
  expect(log).toContain("SEMAPHORE_CACHE_S3_SECRET=[REDACTED]\n");
  expect(log).toContain(`SEMAPHORE_CACHE_S3_URL=${url}\n`);
  expect(log).toContain("\nthe modules");
}, 240_000);
