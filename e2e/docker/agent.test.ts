import { describe, expect, test } from "bun:test";
import { createScene, type Scene } from "../support/agents.ts";
import { containerJob, testEngine, useTestEngine } from "../support/containers.ts";
import { outline, outputOf, until } from "../support/jobs.ts";

useTestEngine();

async function readyAgent(scene: Scene, args: readonly string[] = []) {
  const { host } = await testEngine();
  return scene.readyAgent(args, { env: { DOCKER_HOST: host } });
}

/** Ids of the containers and networks of a job. */
async function left(jobId: string): Promise<string[]> {
  const { api } = await testEngine();
  const filters = encodeURIComponent(JSON.stringify({ label: [`signalman/job-id=${jobId}`] }));
  const containers = await api.get<{ Id: string }[]>(`/containers/json?all=1&filters=${filters}`);
  const networks = await api.get<{ Id: string }[]>(`/networks?filters=${filters}`);
  return [...containers, ...networks].map(({ Id }) => Id);
}

describe("an agent that runs a job in containers", () => {
  test("reports it, delivers its log, and leaves nothing; two slots run two at once", async () => {
    await using scene = await createScene();
    await readyAgent(scene, ["--slots", "2"]);
    const ids = await Promise.all(
      ["a", "b"].map((name) =>
        scene.hub.submit(containerJob([`sleep 1; echo this is ${name}`], [{}, { command: "sleep 1000" }])),
      ),
    );
    const results = await Promise.all(ids.map(async (id) => (await scene.hub.done(id)).result));
    expect(results).toEqual(["passed", "passed"]);
    const outputs = await Promise.all(
      ids.map(async (id, index) => outputOf(await scene.hub.log(id), `sleep 1; echo this is ${"ab"[index]}`)),
    );
    expect(outputs).toEqual(["this is a\n", "this is b\n"]);
    for (const id of ids)
      await until("the job's containers are gone", async () => (await left(id)).length === 0);
    expect(await scene.hub.violations()).toEqual([]);
  });

  test("stops it on a request of the hub", async () => {
    await using scene = await createScene();
    await readyAgent(scene);
    const id = await scene.hub.submit(containerJob(["echo begun; sleep 1000", "echo never"]));
    await scene.hub.shows(id, "begun");
    await scene.hub.stopJob(id);
    expect((await scene.hub.done(id)).result).toBe("stopped");
    expect(outline(await scene.hub.log(id)).at(-1)).toBe("end stopped");
    await until("the job's containers are gone", async () => (await left(id)).length === 0);
  });

  test("does not lose it when the agent is killed: the next one takes it over", async () => {
    await using scene = await createScene();
    const agent = await readyAgent(scene);
    const id = await scene.hub.submit(containerJob(["echo begun; sleep 3; echo it went on"]));
    await scene.hub.shows(id, "begun");
    agent.kill("SIGKILL");
    await agent.finished;
    await readyAgent(scene);
    expect((await scene.hub.done(id)).result).toBe("passed");
    expect(outputOf(await scene.hub.log(id), "echo begun; sleep 3; echo it went on")).toBe(
      "begun\nit went on\n",
    );
    await until("the job's containers are gone", async () => (await left(id)).length === 0);
  });
});

test("a job in a container masks a value by a sequence that it prints", async () => {
  await using scene = await createScene();
  await readyAgent(scene);
  const print = [
    `secret=$(printf %s the-secret-of-a-container | base64)`,
    `command=$(printf '{"do":"redact","values":["%s"]}' "$secret" | base64 -w 0)`,
    String.raw`printf '\033_signalman;1;%s\033\\' "$command"`,
  ].join("\n");
  const show = "echo the-secret-of-a-$(echo container)";
  const id = await scene.hub.submit(containerJob([print, show]));
  expect((await scene.hub.done(id)).result).toBe("passed");
  expect(outputOf(await scene.hub.log(id), print)).toBe("");
  expect(outputOf(await scene.hub.log(id), show)).toBe("[REDACTED]\n");
});
