import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { AwsClient } from "aws4fetch";
import { createCredentials } from "../../plugins/cache/credentials.ts";
import { createScene, findFile, inHome, type Scene, waitForFile } from "../support/agents.ts";
import { root } from "../support/fixtures.ts";
import { outline, outputOf, until } from "../support/jobs.ts";
import { canMount, mountSmallDisk, needsMount } from "../support/test-disks.ts";

/** The project of every job that the hub starts. */
const project = "00000000-0000-4000-8000-000000000002";
const on = ["--cache-size", "64MiB"];
const call = `${process.execPath} ${path.join(root, "e2e/support/s3-call.ts")}`;
const keep =
  'echo "$SEMAPHORE_CACHE_S3_URL $SEMAPHORE_CACHE_S3_KEY $SEMAPHORE_CACHE_S3_SECRET" > kept.new; mv kept.new kept';

async function run(scene: Scene, job: Readonly<Record<string, unknown>>): Promise<string> {
  const id = await scene.hub.submit(job);
  expect((await scene.hub.done(id)).result).toBe("passed");
  return outline(await scene.hub.log(id)).join("\n");
}

interface Key {
  readonly url: string;
  readonly id: string;
  readonly secret: string;
}

/** Reads the key that a job has written to a file. */
async function keptKey(scene: Scene): Promise<Key> {
  const [url, id, secret] = (await readFile(inHome(scene, "kept"), "utf8")).trim().split(" ") as [
    string,
    string,
    string,
  ];
  return { url, id, secret };
}

async function send({ url, id, secret }: Key, method: string, name: string, body?: string): Promise<string> {
  const client = new AwsClient({
    accessKeyId: id,
    secretAccessKey: secret,
    service: "s3",
    region: "auto",
    retries: 0,
  });
  const answer = await client.fetch(`${url}/cache/${name}`, { method, ...(body !== undefined && { body }) });
  const text = await answer.text();
  return `${answer.status} ${/<Code>(.*)<\/Code>/.exec(text)?.[1] ?? text}`.trim();
}

test("what one job stores, the next one restores, and the operator sees", async () => {
  await using scene = await createScene();
  const agent = await scene.readyAgent(on);
  const first = await run(scene, {
    commands: [`${call} HEAD node`, `${call} HEAD node`, `${call} PUT node 'the modules'`],
  });
  expect(first).toContain("HEAD node: 404 \n");
  expect(first).toContain("PUT node: 200 \n");
  expect(first).toContain("[Cache] 0: 0 objects restored (0 bytes), 1 not found, 11 bytes stored in ");

  const second = await run(scene, { commands: [`${call} GET node`, "env | grep SEMAPHORE_CACHE | sort"] });
  expect(second).toContain("GET node: 200 the modules\n");
  expect(second).toMatch(
    /\[Cache\] 0: 1 object restored \(11 bytes in \d+\.\d s\), 0 not found, 0 bytes stored\n/,
  );
  expect(second).toMatch(/SEMAPHORE_CACHE_BACKEND=s3\n/);
  expect(second).toMatch(/SEMAPHORE_CACHE_S3_BUCKET=cache\n/);
  expect(second).toMatch(/SEMAPHORE_CACHE_S3_SECRET=\[REDACTED\]\n/);
  expect(second).toMatch(/SEMAPHORE_CACHE_S3_URL=http:\/\/127\.0\.0\.1:\d+\n/);
  expect(await run(scene, { commands: ["echo idle"] })).not.toContain("[Cache]");

  const place = ["--state-dir", scene.stateDirectory];
  expect((await scene.tester.run(["status", ...place])).stdout).toContain(
    "8.0 KiB of 64.0 MiB used by 1 project",
  );
  expect((await scene.tester.run(["cache", "list", ...place])).stdout).toMatch(
    new RegExp(`^${project} +node +11 bytes +\\d{4}-`, "m"),
  );
  expect((await scene.tester.run(["cache", "usage", ...place])).stdout).toMatch(
    new RegExp(`^${project} +1 +8\\.0 KiB\n8\\.0 KiB of 64\\.0 MiB are used\n`, "m"),
  );
  const other = await scene.tester.run(["cache", "clear", "--project", "another", ...place]);
  expect(other.stdout).toBe("0 objects removed\n");
  expect((await scene.tester.run(["cache", "clear", ...place])).stdout).toBe("1 object removed\n");
  expect(await run(scene, { commands: [`${call} GET node`] })).toContain("GET node: 404 ");

  agent.kill("SIGTERM");
  await agent.finished;
  const { exitCode, stderr } = await scene.tester.run(["cache", "usage", ...place]);
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining("does not answer: start its agent")]);
});

test("a key reaches its project only, while its job runs, also when the agent is killed and no control plane answers", async () => {
  await using scene = await createScene({ isPersistent: true });
  const agent = await scene.readyAgent(on);
  const wait = `${keep}; echo waiting; while [ ! -e go ]; do sleep 0.05; done`;
  const commands = [wait, `${call} GET mine; ${call} GET /${project}/mine; ${call} GET '/?prefix=another'`];
  // The author of a pipeline can set this variable, too.
  const id = await scene.hub.submit({ env: { SEMAPHORE_PROJECT_ID: "another" }, commands });
  await waitForFile(inHome(scene, "kept"));
  const own = await keptKey(scene);
  const { secret } = JSON.parse(readFileSync(findFile(scene, "cache.json"), "utf8")) as { secret: string };
  const credentials = createCredentials({ secret: Buffer.from(secret, "base64"), isAlive: () => true });
  const foreign = { url: own.url, ...credentials.issue({ project: "another", job: id, canWrite: true }) };
  expect(await send(foreign, "PUT", "another/mine", "of another")).toBe("200");
  expect(await send(own, "PUT", `${project}/mine`, "of the job")).toBe("200");

  await scene.hub.stop("SIGKILL");
  agent.kill("SIGKILL");
  await agent.finished;
  await expect(send(own, "GET", `${project}/mine`)).rejects.toThrow();
  scene.agent(on);
  await until("the next agent serves", async () => (await scene.agentLog()).split("a cache of").length === 3);
  expect(await send(own, "GET", `${project}/mine`)).toBe("200 of the job");
  await scene.tester.write("go", "");
  await scene.hub.start();
  expect((await scene.hub.done(id)).result).toBe("passed");
  const log = outputOf(await scene.hub.log(id), commands[1]!);
  expect(log).toMatch(/GET mine: 403 [^]*?<Code>AccessDenied<\/Code>/);
  expect(log).toContain(`GET /${project}/mine: 200 of the job\n`);
  expect(log).toMatch(/GET \/\?prefix=another: 200 [^]*<Prefix>another<\/Prefix>/);
  expect(log).not.toContain("<Key>");
  expect(await send(own, "GET", `${project}/mine`)).toBe("403 InvalidAccessKeyId");
  expect(await send(foreign, "GET", "another/mine")).toBe("403 InvalidAccessKeyId");
});

test("a job of a fork reads and does not write", async () => {
  await using scene = await createScene();
  await scene.readyAgent(on);
  await run(scene, { commands: [`${call} PUT shared 'of the branch'`] });
  const env = { SEMAPHORE_GIT_PR_SLUG: "eve/app", SEMAPHORE_GIT_REPO_SLUG: "acme/app" };
  const log = await run(scene, {
    env,
    commands: [
      `${call} GET shared; ${call} PUT shared bad; ${call} DELETE shared; ${call} POST 'shared?uploads'`,
    ],
  });
  expect(log).toContain("GET shared: 200 of the branch\n");
  for (const refused of ["PUT shared", "DELETE shared", "POST shared\\?uploads"])
    expect(log).toMatch(new RegExp(`${refused}: 403 [^]*?<Code>AccessDenied</Code>`));
  expect(await run(scene, { commands: [`${call} GET shared`] })).toContain("200 of the branch\n");
});

test("nothing is set for a job that brings a cache of its own", async () => {
  await using scene = await createScene();
  await scene.readyAgent([...on, "--env-vars", "SEMAPHORE_CACHE_BACKEND=gcs"]);
  const log = await run(scene, { commands: ["env | grep SEMAPHORE_CACHE"] });
  expect(log).toContain("[env | grep SEMAPHORE_CACHE] 0: SEMAPHORE_CACHE_BACKEND=gcs\n");
});

test.skipIf(!canMount)(`a cache whose disk is full does not fail a job${needsMount}`, async () => {
  await using scene = await createScene();
  await using disk = mountSmallDisk(inHome(scene, "disk"), "mode=700,size=2m");
  await scene.readyAgent([...on, "--cache-path", path.join(disk.path, "cache")]);
  await run(scene, { commands: [`${call} PUT kept 'small'`] });
  disk.fill();
  const command = `head -c 4000000 /dev/zero > large; ${call} PUT kept "$(head -c 100000 large | tr '\\0' x)"; ${call} GET kept`;
  const log = await run(scene, { commands: [command, "echo next"] });
  expect(log).toMatch(/PUT kept: 507 [^]*?<Code>InsufficientStorage<\/Code>/);
  expect(log).toContain("GET kept: 200 small\n");
  expect(log).toContain("[echo next] 0: next\n");
});

test.skipIf(!canMount)(
  `an agent whose cache cannot be created runs jobs without one${needsMount}`,
  async () => {
    await using scene = await createScene();
    await using disk = mountSmallDisk(inHome(scene, "disk"));
    disk.fillInodes();
    await scene.readyAgent([...on, "--cache-path", path.join(disk.path, "cache")]);
    expect(await run(scene, { commands: ["env | grep SEMAPHORE_CACHE || echo none"] })).toContain(
      "0: none\n",
    );
    expect(await scene.agentLog()).toContain("jobs run without a cache, which could not be opened: ");
  },
);
