import { describe, expect, test } from "bun:test";
import { check } from "signalman";
import { createRecordingLogger, testPlugin, tmpdir } from "signalman/testing";
import { AwsClient } from "aws4fetch";
import { createCredentials, toOperatorToken } from "../credentials.ts";
import { readIdentity, toIdentityPath } from "../identity.ts";
import plugin from "../index.ts";
import { askCache } from "../operator/client.ts";
import type { UsageAnswer } from "../operator/handler.ts";
import { createHealthHandler } from "./health-handler.ts";
import { openService } from "./open-service.ts";
import { toSharedSecret } from "./shared-secret.ts";

const secret = "a secret of 32 characters or more";

async function open() {
  const stack = new AsyncDisposableStack();
  const tmp = stack.use(await tmpdir());
  const path = `${tmp.path}/cache`;
  const service = stack.use(
    await openService({
      size: 2 ** 28,
      path,
      secret,
      share: [],
      listen: [{ host: "127.0.0.1", port: 0 }],
      logger: createRecordingLogger(),
    }),
  );
  const url = service.urls[0]!;
  const credentials = createCredentials({ secret: toSharedSecret(secret), isAlive: () => true });
  const key = credentials.issue({ project: "held-1", job: "job-1", canWrite: true });
  const aws = new AwsClient({
    accessKeyId: key.id,
    secretAccessKey: key.secret,
    service: "s3",
    region: "auto",
    retries: 0,
  });
  const send = (method: string, name: string, body?: string) =>
    aws.fetch(`${url}/cache/held-1/${name}`, { method, ...(body !== undefined && { body }) });
  const identity = () => readIdentity(toIdentityPath(path))!;
  return { url, send, identity, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

describe("a cache of `cache serve`", () => {
  test("answers probes, and says what its jobs have done in metrics without names", async () => {
    await using at = await open();
    expect((await at.send("PUT", "a", "content")).status).toBe(200);
    expect(await (await at.send("GET", "a")).text()).toBe("content");
    expect(await (await fetch(`${at.url}/healthz`)).text()).toBe("ok\n");
    expect((await fetch(`${at.url}/readyz`)).status).toBe(200);
    expect((await fetch(`${at.url}/readyz`, { method: "POST" })).status).toBe(405);
    const metrics = await (await fetch(`${at.url}/metrics`)).text();
    expect(metrics).toContain("# TYPE signalman_plugin_cache_hits_total counter\n");
    for (const line of ["hits_total 1", "stored_bytes_total 7", "restored_bytes_total 7", "objects 1"])
      expect(metrics).toContain(`signalman_plugin_cache_${line}\n`);
    expect(metrics).not.toContain("held-1");
  });

  test("answers the operator of its host, and not by the network", async () => {
    await using at = await open();
    await at.send("PUT", "a", "content");
    const usage = await askCache<UsageAnswer>(at.identity(), "/-/usage");
    expect(usage?.projects.map(({ project }) => project)).toEqual(["held-1"]);
    const tokens = [at.identity().secret, toSharedSecret(secret)].map(toOperatorToken);
    for (const token of tokens) {
      const headers = { authorization: `Bearer ${token}` };
      expect((await fetch(`${at.url}/-/usage`, { headers })).status).not.toBe(200);
    }
    const headers = { authorization: `Bearer ${tokens[1]}` };
    expect((await fetch(`${at.identity().url}/-/usage`, { headers })).status).toBe(401);
  });

  test.each([
    ["not yet known", () => Promise.withResolvers<void>().promise, 503],
    ["not readable", () => Promise.reject(new Error("EIO")), 503],
    ["known", () => Promise.resolve(), 200],
  ])("whose objects are %s is ready or not", async (_, load: () => Promise<void>, expected) => {
    const loaded = load();
    const handler = createHealthHandler({ loaded, readMetrics: () => "", next: async () => true });
    await new Promise(setImmediate);
    const statuses: number[] = [];
    const send = async (status: number) => statuses.push(status) > 0;
    await handler({ method: "GET", path: "/readyz", send } as never);
    expect(statuses).toEqual([expected]);
  });
});

describe("doctor", () => {
  const run = async (url: string, own = secret) => {
    const flags = { "cache-url": url, "cache-secret": own };
    await using t = await testPlugin(plugin, { flags });
    const context = { signal: new AbortController().signal, config: {} as never, env: {} };
    return (await t.use(check, "cache").run(context)).map(({ level, title }) => `${level}: ${title}`);
  };

  test("asks the cache that an agent uses whether it accepts the agent's keys", async () => {
    await using at = await open();
    expect(await run(`${at.url}/`)).toEqual([
      `ok: the cache at ${at.url} answers, and accepts the keys of this agent`,
    ]);
    expect(await run(at.url, "another secret of 32 characters or more")).toEqual([
      `warning: the cache at ${at.url} refuses the keys of this agent`,
    ]);
  });

  test("warns of a cache that does not answer", async () => {
    const at = await open();
    await at[Symbol.asyncDispose]();
    expect((await run(at.url))[0]).toStartWith(`warning: the cache at ${at.url} does not answer: `);
  });
});
