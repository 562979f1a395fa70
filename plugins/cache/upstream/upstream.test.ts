import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createEventLog, faultOf, openScene, textsOf } from "../testing/scene.ts";
import { openUpstreamBucket } from "./bucket.ts";
import { openUpstream, type OpenUpstreamOptions } from "./open-upstream.ts";

/** Caches of two agents, and a bucket that both have behind them. */
async function openSite(limits: OpenUpstreamOptions["limits"] = {}) {
  const stack = new AsyncDisposableStack();
  const site = stack.use(await openScene());
  const { url } = site.server;
  const agent = async (endpoint = url, share: readonly string[] = []) => {
    const location = { bucket: "cache", prefix: "ci/site/", endpoint, region: "auto" };
    const outcomes = createEventLog<string>();
    const at = stack.use(
      await openScene({
        share,
        toStore: (store, logger, root) =>
          openUpstream({
            store,
            root,
            bucket: openUpstreamBucket(location, site.issue({ project: "ci" })),
            metrics: { count: outcomes.add, setWaiting: () => {} },
            logger,
            limits: { retryMs: 10, mostRetryMs: 100, pauseMs: 0, drainMs: 100, ...limits },
          }),
      }),
    );
    return { ...at, outcomes, send: at.client(), site: site.client({ project: "ci" }) };
  };
  return { site, agent, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const large = crypto.getRandomValues(new Uint8Array(65_536));
const text = Buffer.from(large).toString("base64");
const body = Array.from({ length: 250 }, (_, index) => `${index} ${text}`).join("\n");

describe("an object that one agent stores", () => {
  test.each([
    ["small", "one"],
    ["empty", ""],
    ["in parts", body],
  ])("is read, listed and kept by another: %s", async (_, content) => {
    await using at = await openSite();
    const [a, b] = [await at.agent(), await at.agent()];
    expect((await a.send("PUT", "/held-1/x%20y/ü", { body: content })).status).toBe(200);
    await a.outcomes.until("written");
    expect(textsOf(await (await b.send("GET", "?prefix=held-1")).text(), "Key")).toEqual(["held-1/x y/ü"]);
    const head = await b.send("HEAD", "/held-1/x%20y/ü");
    expect([head.status, head.headers.get("content-length")]).toEqual([
      200,
      String(Buffer.byteLength(content)),
    ]);
    await at.site.server.close();
    expect(await (await b.send("GET", "/held-1/x%20y/ü")).text()).toBe(content);
    expect(b.outcomes.all).toEqual(["hit"]);
  });

  test("is removed from the bucket, and missing before it is", async () => {
    await using at = await openSite();
    const [a, b] = [await at.agent(), await at.agent()];
    await a.send("PUT", "/held-1/a", { body: "one" });
    await a.outcomes.until("written");
    expect((await b.send("DELETE", "/held-1/a")).status).toBe(204);
    expect(await faultOf(b.send("GET", "/held-1/a"))).toBe("404 NoSuchKey");
    await b.outcomes.until("written");
    expect(await faultOf(a.site("GET", "/ci/site/held-1/a"))).toBe("404 NoSuchKey");
  });

  test("is fetched once for all that ask at the same time", async () => {
    await using at = await openSite();
    const [a, b] = [await at.agent(), await at.agent()];
    await a.send("PUT", "/held-1/a", { body });
    await a.outcomes.until("written");
    const answers = await Promise.all(Array.from({ length: 20 }, () => b.send("GET", "/held-1/a")));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(b.outcomes.all).toEqual(["hit"]);
    await Promise.all(answers.map((answer) => answer.bytes()));
  });

  test("of another project is not reached by steps in a key", async () => {
    await using at = await openSite();
    const [a, b] = [await at.agent(), await at.agent()];
    await a.client({ project: "held-10" })("PUT", "/held-10/secret", { body: "secret" });
    await a.outcomes.until("written");
    const { id, secret } = b.issue();
    const { AwsClient } = await import("aws4fetch");
    const aws = new AwsClient({ accessKeyId: id, secretAccessKey: secret, service: "s3", region: "auto" });
    for (const key of ["held-1/%2E%2E/held-10/secret", "held-1%2F..%2Fheld-10%2Fsecret"]) {
      const { url } = await aws.sign(`${b.server.url}/cache/${key}`, { aws: { signQuery: true } });
      expect(await (await fetch(url)).text()).not.toBe("secret");
    }
    expect(b.outcomes.all).toEqual([]);
    expect(await (await b.client({ project: "held-10" })("GET", "/held-10/secret")).text()).toBe("secret");
  });

  test("is found by a project that shares it, and by no other one", async () => {
    await using at = await openSite();
    const share = ["held-1+other"];
    const [a, b] = [await at.agent(undefined, share), await at.agent(undefined, share)];
    await a.client({ project: "other" })("PUT", "/other/a", { body: "one" });
    await a.outcomes.until("written");
    const list = async (project: string) =>
      textsOf(await (await b.client({ project })("GET", `?prefix=${project}`)).text(), "Key");
    expect([await list("other"), await list("held-1"), await list("held-10")]).toEqual([
      ["other/a"],
      ["held-1/a"],
      [],
    ]);
    expect(await (await b.send("GET", "/held-1/a")).text()).toBe("one");
    expect(await faultOf(b.client({ project: "held-10" })("GET", "/held-10/a"))).toBe("404 NoSuchKey");
  });

  test("with metadata is not passed on, and neither is an earlier one under its key", async () => {
    await using at = await openSite();
    const a = await at.agent();
    await a.send("PUT", "/held-1/a", { body: "one" });
    await a.outcomes.until("written");
    await a.send("PUT", "/held-1/a", { body: "two", headers: { "x-amz-meta-x": "1" } });
    await a.outcomes.until("written", 2);
    expect(await faultOf(a.site("GET", "/ci/site/held-1/a"))).toBe("404 NoSuchKey");
  });

  test("and damaged before it is passed on is not passed on", async () => {
    await using at = await openSite();
    const a = await at.agent("http://127.0.0.1:1");
    await a.send("PUT", "/held-1/a", { body });
    const [file] = readdirSync(join(a.root, "contents"));
    const path = join(a.root, "contents", file!);
    const bytes = readFileSync(path);
    bytes[bytes.length - 70_000]! ^= 1;
    writeFileSync(path, bytes);
    const b = await at.agent();
    using object = (await a.store.open({ project: "held-1", key: "held-1/a" }))!;
    const { writeChange } = await import("./upstream-store.ts");
    const bucket = openUpstreamBucket(
      { bucket: "cache", prefix: "ci/site/", endpoint: at.site.server.url, region: "auto" },
      at.site.issue({ project: "ci" }),
    );
    const signal = AbortSignal.timeout(60_000);
    await expect(
      writeChange({ project: "held-1", key: object.manifest.key }, "put", { store: a.store, bucket }, signal),
    ).rejects.toThrow();
    expect(await faultOf(b.site("GET", "/ci/site/held-1/a"))).toBe("404 NoSuchKey");
  }, 60_000);
});

describe("without its upstream", () => {
  test.each<[string, (request: Request) => Response | Promise<Response>]>([
    ["that does not answer", () => new Promise<Response>(() => {})],
    ["that fails", () => new Response("<Error><Code>SlowDown</Code></Error>", { status: 503 })],
    ["that refuses", () => new Response("", { status: 403 })],
    ["that redirects", () => Response.redirect("http://127.0.0.1:1/")],
    ["that stops in the middle", () => new Response(stop(), { headers: { "content-length": "9000" } })],
    ["that announces no length", () => new Response(stop(true))],
    ["that has more than fits", () => new Response(stop(), { headers: { "content-length": "999999999" } })],
  ])("an object is missing, and stored all the same: %s", async (_, answer) => {
    using server = serveDouble(answer);
    await using at = await openSite({ answerMs: 100 });
    const a = await at.agent(server.url);
    expect(await faultOf(a.send("GET", "/held-1/a"))).toBe("404 NoSuchKey");
    expect((await a.send("PUT", "/held-1/b", { body: "one" })).status).toBe(200);
    expect(textsOf(await (await a.send("GET", "?prefix=held-1")).text(), "Key")).toEqual(["held-1/b"]);
    expect(await (await a.send("GET", "/held-1/b")).text()).toBe("one");
    expect(readdirSync(join(a.root, "contents"))).toHaveLength(1);
  });

  test("an upload that it does not take waits, and is passed on when it does", async () => {
    let isAway = true;
    const stored = createEventLog<string>();
    using server = serveDouble(async (request) => {
      if (isAway) {
        stored.add("away");
        return new Promise<Response>(() => {});
      }
      stored.add(`${request.method} ${await request.text()}`);
      return new Response("", { headers: { etag: '"x"' } });
    });
    await using at = await openSite({ stallMs: 10 });
    const a = await at.agent(server.url);
    await a.send("PUT", "/held-1/a", { body: "one" });
    await stored.until("away", 3);
    expect(a.store.waiting.count).toBe(1);
    isAway = false;
    await a.outcomes.until("written");
    expect(stored.all.filter((event) => event !== "away")).toEqual(["PUT one"]);
    expect(a.store.waiting.count).toBe(0);
  });

  test("an object that it refuses is dropped, and a line names its code", async () => {
    using server = serveDouble(
      () => new Response("<Error><Code>AccessDenied</Code><Message>no</Message></Error>", { status: 403 }),
    );
    await using at = await openSite();
    const a = await at.agent(server.url);
    await a.send("PUT", "/held-1/a", { body: "one" });
    await a.outcomes.until("dropped");
    expect([a.store.waiting.count, a.logger.entries.map(({ message }) => message)]).toEqual([
      0,
      ["cache-upstream refuses an object of the cache, which is dropped: AccessDenied: no"],
    ]);
  });

  test("an object that it does not have is removed", async () => {
    using server = serveDouble(() => new Response("<Error><Code>NoSuchKey</Code></Error>", { status: 404 }));
    await using at = await openSite();
    const a = await at.agent(server.url);
    await a.send("DELETE", "/held-1/a");
    await a.outcomes.until("written");
  });

  test("jobs do not wait for one that has just failed", async () => {
    let requests = 0;
    using server = serveDouble(() => {
      requests += 1;
      return new Response("", { status: 500 });
    });
    await using at = await openSite({ pauseMs: 600_000 });
    const a = await at.agent(server.url);
    for (const key of ["a", "b", "c"]) expect((await a.send("HEAD", `/held-1/${key}`)).status).toBe(404);
    expect(requests).toBe(1);
    const warnings = a.logger.entries.filter(({ level }) => level === "warn");
    expect(warnings.map(({ message }) => message)).toEqual([
      "cache-upstream does not answer, objects that it has are missing: the answer has the status 500",
    ]);
  });
});

/** An upstream that answers as a test needs it. */
function serveDouble(answer: (request: Request) => Response | Promise<Response>) {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", idleTimeout: 0, fetch: answer });
  return { url: `http://127.0.0.1:${server.port}`, [Symbol.dispose]: () => void server.stop(true) };
}

function stop(isEnd = false): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array(1000));
      if (isEnd) controller.close();
    },
  });
}
