import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { createScene, waitForExit, inHome, type Scene } from "../support/agents.ts";
import { createCountingJob } from "../support/counting-job.ts";
import { binary } from "../support/fixtures.ts";
import { canUnshare, mountNamespace, needsNamespace } from "../support/isolation.ts";
import { outline, uniqueSeconds, until } from "../support/jobs.ts";
import { type Proxy, startSyncOverride, startProxy, type NetworkState } from "../support/proxy.ts";

// The agents' request time-out is 1 s; `busy-give-up` and `sync-give-up` are a few seconds instead of 15
// minutes.

const { commands, expectComplete } = createCountingJob(60, 0.05);

/** Creates a scene whose agents connect to the hub through a proxy. */
async function createStorm(options?: Parameters<typeof createScene>[0]) {
  const scene = await createScene(options);
  const proxy = await startProxy(() => scene.hub.endpoint);
  return {
    scene,
    hub: scene.hub,
    proxy,
    via: ["--endpoint", proxy.endpoint],
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await scene[Symbol.asyncDispose]();
    },
  };
}

const storms: [string, (proxy: Proxy) => void][] = [
  ["nothing passes, and held bytes arrive afterwards", (proxy) => proxy.set({ kind: "hold" })],
  ["requests do not pass", (proxy) => proxy.set({ kind: "hold" }, "requests")],
  ["answers do not pass", (proxy) => proxy.set({ kind: "hold" }, "answers")],
  ["all connections are reset", (proxy) => proxy.set({ kind: "reset" })],
  ["answers arrive byte by byte, too slowly", (proxy) => proxy.set(slowly(50), "answers")],
  ["answers arrive after the time-out", (proxy) => proxy.set({ kind: "late", delayMs: 1300 }, "answers")],
  ["requests arrive after the time-out", (proxy) => proxy.set({ kind: "late", delayMs: 1300 }, "requests")],
  ["open connections drop all bytes, and new ones pass", (proxy) => proxy.blackholeOpen()],
];

const slowly = (delayMs: number): NetworkState => ({ kind: "trickle", delayMs });

describe("a fault of the network between an agent and its hub", () => {
  test.concurrent.each(storms)("%s: the job continues, and its log is complete", async (name, brew) => {
    await using storm = await createStorm();
    const { scene, hub, proxy, via } = storm;
    const agent = await scene.readyAgent(via);
    const id = await hub.submit({ commands });
    await hub.shows(id, "line 5\n");
    brew(proxy);
    await Bun.sleep(3500);
    proxy.set({ kind: "pass" });
    await expectComplete(scene, id, { latePushes: name.startsWith("requests arrive after") });
    agent.kill("SIGTERM");
    expect((await agent.finished).exitCode).toBe(0);
  });
});

/** Submits a job that runs for an hour unless it is stopped. */
async function submitLong(scene: Scene) {
  const word = uniqueSeconds();
  const id = await scene.hub.submit({
    commands: [`echo started; while sleep 0.05; do echo tick; done & sleep ${word}; touch never`],
  });
  await scene.hub.shows(id, "started");
  return { id, word };
}

async function expectEnded(scene: Scene, { id, word }: Awaited<ReturnType<typeof submitLong>>) {
  await waitForExit(word);
  await until("the kept log ends", async () => outline(await scene.keptLog(id)).at(-1) === "end stopped");
  expect(existsSync(inHome(scene, "never"))).toBe(false);
}

const reasonOf = (stdout: string) => /Agent shutting down due to: (\w+)/.exec(stdout)?.[1];

test.concurrent.if(canUnshare)(
  `the hub's name cannot be resolved for a while: the job continues, and its log is complete${needsNamespace}`,
  async () => {
    await using storm = await createStorm({ hub: ["--hosts", "hub.test"] });
    const { scene, hub, proxy } = storm;
    const hosts = await scene.tester.write("hosts", "127.0.0.1 hub.test\n");
    const program = [
      ...mountNamespace,
      "sh",
      "-c",
      'mount --bind "$0" /etc/hosts && exec "$@"',
      hosts,
      binary,
    ];
    const endpoint = ["--endpoint", `hub.test:${proxy.endpoint.split(":")[1]}`];
    // By default names are cached for half a minute, and name servers have as long to answer.
    const env = { BUN_CONFIG_DNS_TIME_TO_LIVE_SECONDS: "1", RES_OPTIONS: "timeout:1 attempts:1" };
    await scene.readyAgent(endpoint, { program, env });
    const id = await hub.submit({ commands });
    await hub.shows(id, "line 5\n");
    await scene.tester.write("hosts", "127.0.0.1 localhost\n");
    proxy.set({ kind: "reset" });
    await Bun.sleep(1500);
    proxy.set({ kind: "pass" });
    const before = (await hub.calls()).length;
    await Bun.sleep(1000);
    expect((await hub.calls()).length).toBe(before);
    await scene.tester.write("hosts", "127.0.0.1 hub.test\n");
    await expectComplete(scene, id);
  },
);

describe("a permanent outage", () => {
  test.concurrent("a busy agent stops its job and exits with status 1; the next agent reports the job after the outage", async () => {
    await using storm = await createStorm();
    const { scene, hub, proxy, via } = storm;
    const agent = await scene.readyAgent([...via, "--busy-give-up", "2"]);
    const job = await submitLong(scene);
    proxy.set({ kind: "hold" });
    const { exitCode, stdout } = await agent.finished;
    expect({ exitCode, reason: reasonOf(stdout) }).toEqual({ exitCode: 1, reason: "UNABLE_TO_SYNC" });
    await expectEnded(scene, job);
    proxy.set({ kind: "pass" });
    scene.agent(via);
    expect((await hub.done(job.id)).result).toBe("stopped");
    expect(await hub.log(job.id)).toEqual(await scene.keptLog(job.id));
    expect((await hub.calls()).filter(({ endpoint }) => endpoint === "register")).toHaveLength(1);
  });

  test.concurrent("an idle agent exits with status 1", async () => {
    await using storm = await createStorm();
    const { scene, proxy, via } = storm;
    const agent = await scene.readyAgent([...via, "--sync-give-up", "2"]);
    proxy.set({ kind: "hold" }, "answers");
    const { exitCode, stdout } = await agent.finished;
    expect({ exitCode, reason: reasonOf(stdout) }).toEqual({ exitCode: 1, reason: "UNABLE_TO_SYNC" });
  });

  test.concurrent("an agent that cannot register reports the reason and exits with status 1, also for a name that does not resolve", async () => {
    await using storm = await createStorm();
    const { scene, proxy, via } = storm;
    proxy.set({ kind: "hold" });
    const held = scene.agent([...via, "--register-attempts", "2"]);
    const nameless = scene.agent(["--endpoint", "hub.invalid:4850", "--register-attempts", "2"], {
      env: { SEMAPHORE_AGENT_STATE_DIR: inHome(scene, "other") },
    });
    for (const [agent, why] of [
      [held, "no answer within 1 s"],
      [nameless, "hub.invalid"],
    ] as const) {
      const { exitCode, stdout, stderr } = await agent.finished;
      expect({ exitCode, isSaid: `${stdout}${stderr}`.includes(why) }).toEqual({ exitCode: 1, isSaid: true });
    }
  });
});

describe("a hub whose state has changed after an outage", () => {
  test.concurrent("the agent was removed and its job failed: the job is stopped, its log kept, and the agent exits with status 1", async () => {
    // The hub removes a busy agent after 6 s without a sync; the agent gives up after 9 s and holds its log
    // back after half of that.
    await using storm = await createStorm({ hub: ["--time-scale", "150"] });
    const { scene, hub, proxy, via } = storm;
    const agent = await scene.readyAgent([...via, "--gone-give-up", "0.3", "--busy-give-up", "9"]);
    const job = await submitLong(scene);
    proxy.set({ kind: "hold" });
    await until("the agent is removed", async () => (await hub.agents()).length === 0);
    expect((await hub.job(job.id)).result).toBe("failed");
    const archived = await hub.log(job.id);
    proxy.blackholeOpen();
    proxy.set({ kind: "pass" });
    const { exitCode, stdout } = await agent.finished;
    expect({ exitCode, reason: reasonOf(stdout) }).toEqual({ exitCode: 1, reason: "UNABLE_TO_SYNC" });
    expect(stdout).toContain("the control plane does not know this agent any more");
    await expectEnded(scene, job);
    // Events that are pushed now would hide the archived log.
    expect(await hub.log(job.id)).toEqual(archived);
    const next = await scene.readyAgent(via);
    expect(next.stdout).toContain("registered as ");
  });

  test.concurrent("the job was stopped: the agent stops and reports it", async () => {
    await using storm = await createStorm();
    const { scene, hub, proxy, via } = storm;
    await scene.readyAgent(via);
    const job = await submitLong(scene);
    proxy.set({ kind: "hold" });
    await hub.stopJob(job.id);
    await Bun.sleep(1500);
    proxy.set({ kind: "pass" });
    expect((await hub.done(job.id)).result).toBe("stopped");
    await expectEnded(scene, job);
    expect(await hub.log(job.id)).toEqual(await scene.keptLog(job.id));
    expect(await hub.violations()).toEqual([]);
  });

  test.concurrent("the job is not assigned to the agent any more: it is stopped, its log kept, and the agent takes the next job", async () => {
    await using scene = await createScene();
    await using override = startSyncOverride(() => scene.hub.endpoint);
    await scene.readyAgent(["--endpoint", override.endpoint, "--gone-give-up", "0.3"]);
    const job = await submitLong(scene);
    override.answer = ({ job_id }) =>
      job_id === job.id
        ? new Response("invalid state transition", { status: 409 })
        : Response.json({ action: "run-job", job_id: "another", next_sync_after: 50 });
    await expectEnded(scene, job);
    expect(await scene.agentLog()).toContain(`job ${job.id} is not assigned to this agent any more`);
    await until("the agent takes the next job", async () =>
      (await scene.agentLog()).includes("job another is assigned"),
    );
  });

  test.concurrent("an endless time to the next sync is a minute", async () => {
    await using scene = await createScene();
    await using override = startSyncOverride(() => scene.hub.endpoint);
    override.answer = () =>
      new Response('{"action":"continue","job_id":"","shutdown_reason":"","next_sync_after":1e300}');
    await scene.agent(["--endpoint", override.endpoint, "--log-level", "debug"]).shows("synced");
    expect(await scene.agentLog()).toContain("nextSyncMs=60000 : synced");
  });

  test.concurrent("another job is assigned to a busy agent: it is ignored, and the running job continues", async () => {
    await using scene = await createScene();
    await using override = startSyncOverride(() => scene.hub.endpoint);
    await scene.readyAgent(["--endpoint", override.endpoint]);
    const id = await scene.hub.submit({ commands: ["echo started; while [ ! -e go ]; do sleep 0.05; done"] });
    await scene.hub.shows(id, "started");
    override.answer = ({ state }) =>
      state === "running-job"
        ? Response.json({ action: "run-job", job_id: "another", next_sync_after: 50 })
        : undefined;
    await until("the assignment is logged", async () =>
      (await scene.agentLog()).includes("request to run job another ignored"),
    );
    await scene.tester.write("go", "");
    expect((await scene.hub.done(id)).result).toBe("passed");
  });
});
