import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import path from "node:path";
import { checkEngine } from "../plugins/docker/checks/engine.ts";
import { cleanUpContainers } from "../plugins/docker/clean-up.ts";
import { findEndpoint } from "../plugins/docker/engine/endpoint.ts";
import { connectEngine } from "../plugins/docker/engine/engine.ts";
import { removeOldImages } from "../plugins/docker/images/remove-old.ts";
import { createRecordingLogger, tmpdir } from "../src/testing/index.ts";
import { closeEngine, containerJob, testEngine } from "./containers.ts";
import { createEngineApi } from "./engine/api.ts";
import { type Daemon, startDaemon } from "./engine/daemon.ts";
import { engineCache } from "./engine/engine.ts";
import { images, importImage } from "./engine/images.ts";
import { createTester } from "./fixtures.ts";
import { outline, toEvents } from "./jobs.ts";

// Files of the small image are there once the shared engine was prepared.
beforeAll(async () => {
  await testEngine();
}, 600_000);

afterAll(closeEngine);

/** An engine that a test may break, and a job that runs in it. */
async function openBreakable(options: readonly string[] = []) {
  const directory = await tmpdir();
  const start = () =>
    startDaemon({
      directory: directory.path,
      arguments: ["--iptables=false", "--ip6tables=false", ...options],
    });
  let daemon: Daemon = await start();
  const tester = await createTester();
  const api = createEngineApi(daemon.socket);
  await importImage(api, images.small, path.join(engineCache(), "roots", "small.tar"));
  return {
    api,
    get daemon() {
      return daemon;
    },
    async restart() {
      daemon = await start();
    },
    async startJob(args: readonly string[] = []) {
      const job = containerJob(
        ["echo begun; sleep 1000; echo never", "echo never"],
        [{ image: images.small }],
      );
      const file = await tester.write("job.json", JSON.stringify(job));
      const env = { DOCKER_HOST: `unix://${daemon.socket}` };
      return tester.start(["run", file, "--json", "--stop-grace-period=1", ...args], { env });
    },
    async [Symbol.asyncDispose]() {
      await tester[Symbol.asyncDispose]();
      for (const { Id } of await api.get<{ Id: string }[]>("/containers/json?all=1").catch(() => []))
        await api.call("DELETE", `/containers/${Id}?force=1&v=1`).catch(() => {});
      await daemon[Symbol.asyncDispose]();
      await daemon.unmount();
      await directory[Symbol.asyncDispose]();
    },
  };
}

function toLines(stdout: string): string[] {
  return outline(toEvents(stdout));
}

describe("a job whose engine", () => {
  test("is shut down fails, and the log gives the reason", async () => {
    await using engine = await openBreakable();
    const running = await engine.startJob(["--docker-engine-timeout=2"]);
    await running.shows('"output":"begun');
    await engine.daemon.end("SIGTERM");
    const { exitCode, stdout } = await running.finished;
    expect(exitCode).toBe(1);
    const command = toLines(stdout).find((line) => line.startsWith("[echo begun"));
    expect(command).toMatch(/1: begun\n\[signalman: the job's container .*\]\n$/);
    expect(toLines(stdout).at(-1)).toBe("end failed");
  });

  test("is restarted with live-restore fails, and nothing of it runs on", async () => {
    await using engine = await openBreakable(["--live-restore"]);
    const running = await engine.startJob();
    await running.shows('"output":"begun');
    await engine.daemon.end("SIGTERM");
    await running.shows("[signalman: ");
    await engine.restart();
    const { exitCode, stdout } = await running.finished;
    expect(exitCode).toBe(1);
    expect(toLines(stdout).find((line) => line.startsWith("[echo begun"))).toMatch(
      /\[signalman: the job's container is out of reach: .*no Docker engine answers/,
    );
    expect(await engine.api.get("/containers/json?all=1")).toEqual([]);
  });

  test("stops answering fails within its time-out", async () => {
    await using engine = await openBreakable();
    const running = await engine.startJob(["--docker-engine-timeout=2"]);
    await running.shows('"output":"begun');
    process.kill(engine.daemon.pid, "SIGSTOP");
    try {
      const { exitCode, stdout } = await running.finished;
      expect(exitCode).toBe(1);
      expect(toLines(stdout).find((line) => line.startsWith("[echo begun"))).toContain(
        "[signalman: the job's container is out of reach: ",
      );
    } finally {
      process.kill(engine.daemon.pid, "SIGCONT");
    }
  });

  test("is not there fails at once, with what to do", async () => {
    await using tester = await createTester();
    const file = await tester.write("job.json", JSON.stringify(containerJob(["echo never"])));
    const env = { DOCKER_HOST: "unix:///nowhere/docker.sock" };
    const { exitCode, stdout } = await tester.run(["run", file, "--json"], { env });
    expect(exitCode).toBe(1);
    expect(toLines(stdout)[1]).toContain(
      'no Docker engine answers at "unix:///nowhere/docker.sock": start it',
    );
  });
});

describe("doctor", () => {
  test("tells of an engine that is there, of one that is not, and of room for images", async () => {
    const { host } = await testEngine();
    const there = await checkEngine({ env: { DOCKER_HOST: host } });
    expect(there[0]).toMatchObject({ level: "ok", title: expect.stringMatching(/^Docker engine \d+\.\d+/) });
    expect(there.map(({ title }) => title).join("\n")).toMatch(/GB free for images in /);
    expect(await checkEngine({ env: { DOCKER_HOST: "unix:///nowhere" } })).toMatchObject([
      { level: "error", detail: expect.stringContaining('no Docker engine answers at "unix:///nowhere"') },
    ]);
  });
});

test("images that are too old are removed, unless a container uses them", async () => {
  await using engine = await openBreakable();
  const connected = await connectEngine(findEndpoint({ DOCKER_HOST: `unix://${engine.daemon.socket}` }), {
    timeoutMs: 60_000,
  });
  const logger = createRecordingLogger();
  const remove = (days: number) =>
    removeOldImages(connected, { "image-max-age": days, "image-min-free-disk": 0 }, logger);
  const count = async () => (await engine.api.get<unknown[]>("/images/json")).length;
  await remove(1);
  expect(await count()).toBe(1);
  const created = await engine.api.call("POST", "/containers/create", {
    json: { Image: images.small, Cmd: ["sh"] },
  });
  const { Id } = (await created.json()) as { Id: string };
  await remove(1e-9);
  expect(await count()).toBe(1);
  await engine.api.call("DELETE", `/containers/${Id}`);
  await remove(1e-9);
  expect(await count()).toBe(0);
});

test("cleaning up removes what dead jobs of this agent left, and nothing of running jobs and other agents", async () => {
  const { api, host } = await testEngine();
  const agents = [crypto.randomUUID(), crypto.randomUUID()];
  const create = async (agent: string, job: string) => {
    const labels = { "signalman/agent-id": agent, "signalman/job-id": job };
    const name = `${agent}-${job}`;
    const json = { Image: images.small, Cmd: ["sh"], Labels: labels, Volumes: { "/data": {} } };
    await api.call("POST", `/containers/create?name=${name}`, { json });
    await api.call("POST", "/networks/create", { json: { Name: name, Labels: labels } });
    return name;
  };
  const names = await Promise.all([
    create(agents[0]!, "dead"),
    create(agents[0]!, "older"),
    create(agents[0]!, "alive"),
    create(agents[1]!, "dead"),
  ]);
  const there = async () => {
    const containers = await api.get<{ Names: string[] }[]>("/containers/json?all=1");
    const networks = await api.get<{ Name: string }[]>("/networks");
    const all = [...containers.map(({ Names }) => Names[0]!.slice(1)), ...networks.map(({ Name }) => Name)];
    return names.map((name) => all.filter((each) => each === name).length);
  };
  const before = process.env.DOCKER_HOST;
  process.env.DOCKER_HOST = host;
  try {
    const logger = createRecordingLogger();
    const context = {
      agentId: agents[0]!,
      runningJobs: ["alive"],
      logger,
      signal: new AbortController().signal,
    };
    const options = { "engine-timeout": 60 };
    await cleanUpContainers({ ...context, jobId: "dead" }, options);
    expect(await there()).toEqual([0, 2, 2, 2]);
    await cleanUpContainers(context, options);
    expect(await there()).toEqual([0, 0, 2, 2]);
    await cleanUpContainers({ ...context, runningJobs: [] }, options);
    await cleanUpContainers({ ...context, agentId: agents[1]!, runningJobs: [] }, options);
    expect(await there()).toEqual([0, 0, 0, 0]);
    expect(logger.entries.filter(({ level }) => level === "warn")).toEqual([]);
  } finally {
    if (before === undefined) delete process.env.DOCKER_HOST;
    else process.env.DOCKER_HOST = before;
  }
});
