import { beforeAll, expect, test } from "bun:test";
import { copyFile, mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { AwsClient } from "aws4fetch";
import { createCredentials } from "../../plugins/cache/credentials.ts";
import { toSharedSecret } from "../../plugins/cache/service/shared-secret.ts";
import { startCluster } from "../support/cluster/cluster.ts";
import { run } from "../support/cluster/command.ts";
import { buildOnDebian } from "../support/cluster/images.ts";
import { podGateway } from "../support/cluster/layout.ts";
import { root } from "../support/fixtures.ts";
import { outline } from "../support/jobs.ts";
import { startProxy } from "../support/proxy.ts";
import { buildAgentImage } from "./agent-image.ts";
import { patiently } from "./namespaces.ts";
import { createRelease, type Release } from "./releases.ts";

const image = "signalman/cache-client:test";
const checkout = process.env["TOOLBOX_DIR"] ?? "";
const needsToolbox = checkout === "" ? " (skipped: TOOLBOX_DIR names no checkout of the toolbox)" : "";

beforeAll(async () => {
  await startCluster();
  await buildAgentImage();
  const directory = path.join(root, "dist", "cache-client-image");
  const bin = path.join(directory, "usr", "local", "bin");
  await rm(directory, { recursive: true, force: true });
  await mkdir(bin, { recursive: true });
  await copyFile(process.execPath, path.join(bin, "bun"));
  const entrypoints = [path.join(root, "e2e/support/s3-call.ts")];
  await Bun.build({ entrypoints, target: "bun", outdir: path.join(directory, "opt") });
  if (checkout !== "") {
    const build = ["go", "build", "-o", path.join(bin, "cache"), "."];
    await run(build, {
      cwd: path.join(checkout, "cache-cli"),
      env: { CGO_ENABLED: "0" },
      timeoutMs: 1_200_000,
    });
  }
  await buildOnDebian(image, directory);
}, 1_800_000);

const selector = "app.kubernetes.io/name=signalman-cache";
const name = "agent-cache";
const secret = "a secret of 32 characters or more";
/** The project of every job that the hub starts. */
const project = "00000000-0000-4000-8000-000000000002";
const port = 20_000 + (process.pid % 10_000);

/** A release with a cache on a volume. */
interface CacheRelease extends AsyncDisposable {
  readonly release: Release;
  /** The volume's directory on this host. */
  readonly directory: string;
  /** Upgrades the release and waits until jobs reach the cache. */
  apply(values?: Readonly<Record<string, object>>): Promise<void>;
  /** Waits until the Service leads to a pod, and connects jobs with it. */
  connect(): Promise<void>;
  /** Runs a job that has to pass. */
  job(...commands: readonly string[]): Promise<{ readonly id: string; readonly log: string }>;
}

async function createCacheRelease(): Promise<CacheRelease> {
  const release = await createRelease("deployment");
  const { namespace, scene } = release;
  const directory = await release.addVolume(name);
  const host = `${name}.${namespace.name}`;
  const hosts = `127.0.0.1 localhost\n${podGateway} ${host}\n`;
  await namespace.apply({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "hosts" },
    data: { hosts },
  });
  // The cluster has no DNS and no network of services: files of hosts and a proxy take their place.
  const base = {
    extraVolumes: [{ name: "hosts", configMap: { name: "hosts" } }],
    extraVolumeMounts: [{ name: "hosts", mountPath: "/etc/hosts", subPath: "hosts" }],
    kubernetes: {
      defaultImage: image,
      podSpec: { pod: { hostAliases: [{ ip: podGateway, hostnames: [host] }] } },
    },
    networkPolicy: { enabled: true },
    cache: {
      enabled: true,
      secret,
      size: "512MiB",
      port,
      storage: { persistent: true, storageClass: "-", size: "1Gi" },
    },
  };
  let endpoint = "";
  let proxy: AsyncDisposable | undefined;
  const ready =
    "{range .items[*]}{range .endpoints[?(@.conditions.ready==true)]}{.addresses[0]}{end}:{.ports[0].port}{end}";
  const read = [
    "get",
    "endpointslices",
    `--selector=kubernetes.io/service-name=${name}`,
    `--output=jsonpath=${ready}`,
  ];
  const connect = async () => {
    await patiently("the Service leads to a pod", async () => {
      endpoint = await namespace.kubectl(read);
      return /^[\d.]+:\d+$/.test(endpoint);
    });
    proxy ??= await startProxy(() => endpoint, { host: podGateway, port });
  };
  return {
    release,
    directory,
    async apply({ cache = {}, ...values } = {}) {
      await release.apply({ ...base, ...values, cache: { ...base.cache, ...cache } });
      await connect();
    },
    connect,
    async job(...commands) {
      const id = await scene.hub.submit({ commands });
      const result = await release.done(id);
      const log = outline(await scene.hub.log(id)).join("\n");
      expect([result, log]).toEqual(["passed", log]);
      return { id, log };
    },
    async [Symbol.asyncDispose]() {
      await proxy?.[Symbol.asyncDispose]();
      await release[Symbol.asyncDispose]();
    },
  };
}

const pods = (output: string) => ["get", "pods", `--selector=${selector}`, `--output=jsonpath=${output}`];

/** Asks for an object with a key of this job; resolves to the status. */
async function fetchAs(job: string): Promise<number> {
  const credentials = createCredentials({ secret: toSharedSecret(secret), isAlive: () => true });
  const { id, secret: secretAccessKey } = credentials.issue({ project, job, canWrite: false });
  const client = new AwsClient({
    accessKeyId: id,
    secretAccessKey,
    service: "s3",
    region: "auto",
    retries: 0,
  });
  return (await client.fetch(`http://${podGateway}:${port}/cache/${project}/node`)).status;
}

const fetchObject = "bun /opt/s3-call.js GET node";
const restored = "GET node: 200 the modules";

test("jobs in pods store and restore through the chart's cache, also when its pod is replaced and the release is upgraded", async () => {
  await using at = await createCacheRelease();
  const { namespace } = at.release;
  await at.apply();
  const uid = () => namespace.kubectl(pods("{.items[*].metadata.uid}"));

  expect(await at.release.helm(["test", "agent", "--logs"])).toContain(
    `the cache at http://${name}.${namespace.name}:${port} answers, and accepts the keys of this agent`,
  );
  const first = await at.job(fetchObject, "bun /opt/s3-call.js PUT node 'the modules'");
  expect(first.log).toContain("GET node: 404");
  expect(first.log).toContain("PUT node: 200");
  expect(first.log).toContain("[Cache] 0: 0 objects restored (0 bytes), 0 not found, 11 bytes stored in ");
  expect((await at.job(fetchObject)).log).toContain(restored);

  // The agent has ended the job's key.
  expect(await fetchAs(first.id)).toBe(403);
  expect(await fetchAs("another job")).toBe(200);

  const before = await uid();
  await namespace.kubectl(["delete", "pod", `--selector=${selector}`]);
  await at.connect();
  const replaced = await uid();
  expect(replaced).not.toBe(before);
  expect((await at.job(fetchObject)).log).toContain(restored);

  // Agents have to know another secret, too.
  await at.apply({ cache: { secret: "another secret of 32 characters or more", size: "256MiB" } });
  expect(await uid()).not.toBe(replaced);
  const last = await at.job(fetchObject, "bun /opt/s3-call.js PUT next 'more'");
  expect(last.log).toContain(restored);
  expect(last.log).toContain("PUT next: 200");
  const usage = ["exec", `deployment/${name}`, "--", "/opt/semaphore/agent", "cache", "usage"];
  expect(await namespace.kubectl(usage)).toContain(project);
}, 900_000);

test("the chart's policy lets jobs of the release reach the cache's port; uninstalling the release leaves the volume's objects", async () => {
  await using at = await createCacheRelease();
  const { namespace } = at.release;
  await at.apply();
  await at.job("bun /opt/s3-call.js PUT node 'the modules'");
  const { spec } = JSON.parse(await namespace.kubectl(["get", "networkpolicy", name, "--output=json"])) as {
    readonly spec: object;
  };
  expect(spec).toMatchObject({
    podSelector: { matchLabels: { "app.kubernetes.io/name": "signalman-cache" } },
    policyTypes: ["Ingress"],
    ingress: [
      {
        ports: [{ port: "cache", protocol: "TCP" }],
        from: [
          { podSelector: { matchLabels: { "signalman/release": "agent" } } },
          { podSelector: { matchLabels: { "app.kubernetes.io/name": "signalman-agent" } } },
        ],
      },
    ],
  });

  const objects = () =>
    namespace.kubectl([
      "get",
      "all,secrets,configmaps,serviceaccounts,roles,rolebindings,networkpolicies,persistentvolumeclaims,poddisruptionbudgets",
      "--selector=app.kubernetes.io/instance=agent",
      "--output=name",
    ]);
  expect((await objects()).split("\n")).toContain(`persistentvolumeclaim/${name}`);
  await at.release.helm(["uninstall", "agent", "--wait"]);
  await patiently("nothing of the release is left", async () => (await objects()) === "");
  const volume = `${namespace.name}-${name}`;
  const phase = ["get", "persistentvolume", volume, "--output=jsonpath={.status.phase}"];
  await patiently("the volume is released", async () => (await namespace.kubectl(phase)) === "Released");
  const left = await readdir(at.directory, { recursive: true });
  expect(left.some((file) => file.startsWith("objects/"))).toBe(true);
}, 900_000);

test.skipIf(checkout === "")(
  `the toolbox's cache in pods stores and restores through the chart's cache${needsToolbox}`,
  async () => {
    await using at = await createCacheRelease();
    await at.apply();
    const first = await at.job(
      "mkdir modules; head -c 30000000 /dev/urandom >modules/large; echo one >modules/small",
      "cache store node-a modules",
      "sha256sum modules/*",
    );
    expect(first.log).toContain("Upload complete");
    const second = await at.job("cache restore node-b,node", "sha256sum modules/*");
    expect(second.log).toContain("HIT: 'node', using key 'node-a'");
    const sums = (log: string) => log.match(/[0-9a-f]{64} {2}modules\/\S+/g);
    expect(sums(second.log)).toEqual(sums(first.log)!);
    expect(sums(second.log)).toHaveLength(2);
  },
  900_000,
);
