import { describe, expect, test } from "bun:test";
import { checkEngine } from "../../plugins/docker/checks/engine.ts";
import { cleanUpContainers } from "../../plugins/docker/clean-up.ts";
import { createRecordingLogger } from "../../src/testing/index.ts";
import { testEngine, useTestEngine } from "../support/containers.ts";
import { images } from "../support/engine/images.ts";

useTestEngine();

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

  test("warns of stopped containers of dead jobs", async () => {
    const { api, host } = await testEngine();
    const json = { Image: images.small, Cmd: ["sh"], Labels: { "signalman/agent-id": crypto.randomUUID() } };
    const created = await api.call("POST", "/containers/create", { json });
    const { Id } = (await created.json()) as { Id: string };
    try {
      expect(await checkEngine({ env: { DOCKER_HOST: host } })).toContainEqual({
        level: "warning",
        title: expect.stringMatching(/^\d+ stopped containers of earlier jobs exist$/),
        remedy: expect.stringContaining("docker rm --force --volumes"),
      });
    } finally {
      await api.call("DELETE", `/containers/${Id}?force=1`);
    }
  });
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
