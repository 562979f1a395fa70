import { describe, expect, test } from "bun:test";
import { AwsClient } from "aws4fetch";
import { environmentVariable, jobRequest, silentLogger, testPlugin, tmpdir } from "signalman/testing";
import { createCredentials } from "../credentials.ts";
import plugin from "../index.ts";
import { faultOf } from "../testing/scene.ts";
import { createEndedJobs } from "./ended-jobs.ts";
import { openService } from "./open-service.ts";
import { toSharedSecret } from "./shared-secret.ts";

const secret = "a secret of 32 characters or more";

/** A cache for several agents, whose ports it chooses. */
async function open({ share = [] as readonly string[] } = {}) {
  const stack = new AsyncDisposableStack();
  const tmp = stack.use(await tmpdir());
  const options = { size: 2 ** 28, path: `${tmp.path}/cache`, secret, share, logger: silentLogger };
  const start = (port = 0) => openService({ ...options, listen: [{ host: "127.0.0.1", port }] });
  let service = await start();
  stack.defer(() => service[Symbol.asyncDispose]());
  const url = service.urls[0]!;
  return {
    url,
    async restart() {
      await service[Symbol.asyncDispose]();
      service = await start(Number(new URL(url).port));
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** A job of an agent, with the variables that it gets. */
async function startJob(
  url: string,
  { id = "job-1", project = "held-1", secret: own = secret, env = {} } = {},
) {
  const flags = { "cache-url": `${url}/`, "cache-secret": own };
  const t = await testPlugin(plugin, { roles: ["job"], flags });
  const variables = Object.entries({ SEMAPHORE_PROJECT_ID: project, ...env });
  const job = jobRequest({ id, env: variables.map(([name, value]) => environmentVariable(name, value)) });
  await t.call("job:start", { job, agent: { id: "agent-1" }, executor: "kubernetes" });
  const found = Object.fromEntries(t.variables.map(({ name, value }) => [name, value]));
  const blocks: string[] = [];
  const log = {
    async command(name: string, run: (output: (text: string) => void) => number) {
      run((text) => blocks.push(`${name}: ${text}`));
    },
  };
  return {
    t,
    variables: found,
    blocks,
    finish: () => t.call("job:finish", { job, log: log as never }),
    send: (method: string, key: string, body?: string) =>
      toClient(found["SEMAPHORE_CACHE_S3_KEY"]!, found["SEMAPHORE_CACHE_S3_SECRET"]!).fetch(
        `${found["SEMAPHORE_CACHE_S3_URL"]}/cache/${key}`,
        { method, ...(body !== undefined && { body }) },
      ),
    [Symbol.asyncDispose]: () => t[Symbol.asyncDispose](),
  };
}

function toClient(id: string, key: string): AwsClient {
  return new AwsClient({ accessKeyId: id, secretAccessKey: key, service: "s3", region: "auto", retries: 0 });
}

describe("a cache that agents share", () => {
  test("gives a job what a job of another agent has stored, and tells it at the end", async () => {
    await using at = await open();
    await using first = await startJob(at.url, { id: "job-1" });
    expect(first.variables).toMatchObject({ SEMAPHORE_CACHE_BACKEND: "s3", SEMAPHORE_CACHE_S3_URL: at.url });
    expect(first.t.variables.flatMap((each) => (each.secret ? [each.name] : []))).toEqual([
      "SEMAPHORE_CACHE_S3_SECRET",
    ]);
    expect((await first.send("PUT", "held-1/a", "one")).status).toBe(200);
    await first.finish();
    expect(first.blocks.join()).toMatch(
      /^Cache: 0 objects restored \(0 bytes\), 0 not found, 3 bytes stored in \d+\.\d s\n$/,
    );

    await using second = await startJob(at.url, { id: "job-2" });
    expect(await (await second.send("GET", "held-1/a")).text()).toBe("one");
    await second.finish();
    expect(second.blocks.join()).toMatch(
      /^Cache: 1 object restored \(3 bytes in \d+\.\d s\), 0 not found, 0 bytes stored\n$/,
    );
  });

  test("refuses keys of jobs that have ended, also after its restart while others keep theirs", async () => {
    await using at = await open();
    await using ended = await startJob(at.url, { id: "job-1" });
    await using running = await startJob(at.url, { id: "job-2" });
    await ended.finish();
    expect(await faultOf(ended.send("GET", "held-1/a"))).toBe("403 InvalidAccessKeyId");
    await at.restart();
    expect(await faultOf(running.send("GET", "held-1/a"))).toBe("404 NoSuchKey");
  });

  test("refuses another project, the writes of a fork, and agents with another secret", async () => {
    await using at = await open();
    await using other = await startJob(at.url, { project: "held-10" });
    expect(await faultOf(other.send("GET", "held-1/a"))).toBe("403 AccessDenied");
    const env = { SEMAPHORE_GIT_PR_SLUG: "eve/app", SEMAPHORE_GIT_REPO_SLUG: "acme/app" };
    await using fork = await startJob(at.url, { env });
    expect(await faultOf(fork.send("PUT", "held-1/a", "x"))).toBe("403 AccessDenied");
    await using stranger = await startJob(at.url, { secret: "another secret of 32 characters or more" });
    expect(await faultOf(stranger.send("GET", "held-1/a"))).toBe("403 InvalidAccessKeyId");
    await stranger.finish();
    expect(stranger.blocks).toEqual([]);
  });

  test("refuses a key that has expired, and requests about a job without its key", async () => {
    await using at = await open();
    const credentials = createCredentials({ secret: toSharedSecret(secret), isAlive: () => true });
    const expiresAt = Math.floor(Date.now() / 1000) - 1;
    const key = credentials.issue({ project: "held-1", job: "job-1", canWrite: true, expiresAt });
    expect(await faultOf(toClient(key.id, key.secret).fetch(`${at.url}/cache/held-1/a`))).toBe(
      "403 InvalidAccessKeyId",
    );
    for (const path of ["/-/job", "/-/objects", "/-/usage"])
      expect((await fetch(at.url + path, { method: "DELETE" })).status).toBe(403);
  });

  test("lets projects of a group share their objects, whatever agents their jobs run on", async () => {
    await using at = await open({ share: ["held-1+other"] });
    await using first = await startJob(at.url, { id: "job-1", project: "other" });
    expect((await first.send("PUT", "other/a", "one")).status).toBe(200);
    await using second = await startJob(at.url, { id: "job-2" });
    expect(await (await second.send("GET", "held-1/a")).text()).toBe("one");
    await using outsider = await startJob(at.url, { id: "job-3", project: "held-10" });
    expect(await faultOf(outsider.send("GET", "held-10/a"))).toBe("404 NoSuchKey");
  });

  test("does not delay the end of a job when it is gone", async () => {
    const at = await open();
    await using job = await startJob(at.url);
    await at[Symbol.asyncDispose]();
    await job.finish();
    expect(job.blocks).toEqual([]);
  });
});

test.each([
  [{ "cache-secret": secret }, "cache-secret has no effect without cache-url or cache-size"],
  [{ "cache-url": "http://127.0.0.1:1" }, undefined],
])("without all of its options jobs get nothing: %j", async (flags, warning) => {
  await using t = await testPlugin(plugin, { roles: ["job"], flags });
  expect(t.hooks).toEqual([]);
  expect(t.logs.find(({ level }) => level === "warn")?.message).toBe(warning!);
});

test("the jobs that have ended are bounded", () => {
  const ended = createEndedJobs(3);
  for (let job = 0; job < 10; job++) ended.add(String(job));
  expect([6, 7, 8, 9].map((job) => ended.has(String(job)))).toEqual([false, true, true, true]);
});
