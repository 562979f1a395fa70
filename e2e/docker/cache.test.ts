import { afterAll, beforeAll, expect, test } from "bun:test";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import path from "node:path";
import { AwsClient } from "aws4fetch";
import { createCredentials } from "../../plugins/cache/credentials.ts";
import { readIdentity } from "../../plugins/cache/identity.ts";
import { createScene, findFile, type Scene } from "../support/agents.ts";
import { containerJob, testEngine, useTestEngine } from "../support/containers.ts";
import { engineCache } from "../support/engine/engine.ts";
import { images, importImage } from "../support/engine/images.ts";
import { openOwnEngine, type OwnEngine } from "../support/engine/own-engine.ts";
import { root } from "../support/fixtures.ts";
import { outline } from "../support/jobs.ts";

useTestEngine();

/** An engine with a default bridge, which the shared one has not: it may belong to another daemon. */
async function openBridgedEngine(): Promise<OwnEngine> {
  // Of a run that was killed.
  Bun.spawnSync(["ip", "link", "delete", bridge]);
  ip(`link add ${bridge} type bridge`);
  ip(`addr add ${gateway}/24 dev ${bridge}`);
  ip(`link set ${bridge} up`);
  const engine = await openOwnEngine({ arguments: [`--bridge=${bridge}`] });
  await importImage(engine.api, images.debian, path.join(engineCache(), "roots", "debian.tar"));
  return engine;
}

const bridge = "signalman-cache";
const gateway = "10.203.17.1";

function ip(words: string): void {
  const { exitCode, stderr } = Bun.spawnSync(["ip", ...words.split(" ")]);
  if (exitCode !== 0) throw new Error(`ip ${words}: ${stderr.toString()}`);
}

let engine: OwnEngine | undefined;
beforeAll(async () => void (engine = await openBridgedEngine()), 600_000);
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  ip(`link delete ${bridge}`);
});

/** Mounts Bun, which runs a client that signs, into the first container of jobs. */
const on = [
  "--cache-size",
  "64MiB",
  "--docker-mount-socket=false",
  "--files",
  `${process.execPath}:/usr/local/bin/bun`,
];

async function bundleClient(): Promise<string> {
  const { outputs } = await Bun.build({
    entrypoints: [path.join(root, "e2e/support/s3-call.ts")],
    target: "bun",
  });
  return outputs[0]!.text();
}

async function start(scene: Scene, args: readonly string[] = on) {
  return scene.readyAgent(args, { env: { DOCKER_HOST: engine!.host } });
}

async function run(scene: Scene, commands: readonly string[]): Promise<string> {
  const files = [{ path: "/tmp/call.js", text: await bundleClient(), mode: "0644" }];
  const id = await scene.hub.submit(containerJob(commands, [{}], { files }));
  await scene.hub.done(id);
  const log = outline(await scene.hub.log(id)).join("\n");
  expect(log).toEndWith("end passed");
  return log;
}

test("jobs in containers reach the cache at the gateway of the engine's bridge, and share it with shells", async () => {
  await using scene = await createScene();
  await start(scene);
  const first = await run(scene, ["echo $SEMAPHORE_CACHE_S3_URL", "bun /tmp/call.js PUT node 'the modules'"]);
  expect(first).toContain(`] 0: http://${gateway}:`);
  expect(first).toContain("PUT node: 200");
  expect(first).toContain("[Cache] 0: 0 objects restored (0 bytes), 0 not found, 11 bytes stored in ");
  expect(await run(scene, ["bun /tmp/call.js GET node"])).toContain("GET node: 200 the modules");
  const id = await scene.hub.submit({ commands: ["echo $SEMAPHORE_CACHE_S3_URL"] });
  await scene.hub.done(id);
  expect(outline(await scene.hub.log(id)).join("\n")).toContain("0: http://127.0.0.1:");
});

test("a container keeps its access when the agent is killed", async () => {
  await using scene = await createScene();
  const agent = await start(scene);
  const files = [{ path: "/tmp/call.js", text: await bundleClient(), mode: "0644" }];
  const wait = "echo waiting; while ! bun /tmp/call.js GET go 2>&1 | grep 200; do sleep 0.2; done";
  const id = await scene.hub.submit(
    containerJob(["bun /tmp/call.js PUT kept 'of the job'", wait, "bun /tmp/call.js GET kept"], [{}], {
      files,
    }),
  );
  await scene.hub.shows(id, "waiting");
  agent.kill("SIGKILL");
  await agent.finished;
  await start(scene);
  const { secret, url } = readIdentity(findFile(scene, "cache.json"))!;
  const project = "00000000-0000-4000-8000-000000000002";
  const key = createCredentials({ secret, isAlive: () => true }).issue({ project, job: id, canWrite: true });
  const client = new AwsClient({
    accessKeyId: key.id,
    secretAccessKey: key.secret,
    service: "s3",
    region: "auto",
  });
  expect((await client.fetch(`${url}/cache/${project}/go`, { method: "PUT", body: "on" })).status).toBe(200);
  expect((await scene.hub.done(id)).result).toBe("passed");
  expect(outline(await scene.hub.log(id)).join("\n")).toContain("GET kept: 200 of the job");
});

test("without an engine on this host nothing is set, and the agent's log names the options", async () => {
  await using scene = await createScene();
  const { socket } = await testEngine();
  const proxy = createServer((from) => {
    const to = connect(socket);
    from.pipe(to).pipe(from);
    from.on("error", () => to.destroy());
    to.on("error", () => from.destroy());
  });
  using _ = { [Symbol.dispose]: () => void proxy.close() };
  await once(proxy.listen(0, "127.0.0.1"), "listening");
  const { port } = proxy.address() as AddressInfo;
  await scene.readyAgent(on, { env: { DOCKER_HOST: `tcp://127.0.0.1:${port}` } });
  expect(await run(scene, ["env | grep -c SEMAPHORE_CACHE || true"])).toMatch(/\] 0: 0\n/);
  expect(await scene.agentLog()).toContain(
    'executor "dockercompose" does not reach this host; set cache-listen and cache-url',
  );
});
