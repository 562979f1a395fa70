import { expect, test } from "bun:test";
import { jobProcesses, jobRecorders, type Scene } from "../support/agents.ts";
import { containerJob, testEngine, useTestEngine } from "../support/containers.ts";
import { outline, outputOf, until } from "../support/jobs.ts";
import { runSurvivalRounds } from "../support/survival-rounds.ts";
import { createKeptContainers, type KeptContainers } from "./survival.ts";

useTestEngine();

const rounds = 6;

/** Kills the process of a job; resolves when the agent has started another one. */
async function killProcess(id: string): Promise<void> {
  const killed = jobProcesses(id);
  for (const pid of killed) process.kill(pid, "SIGKILL");
  await until(`job ${id} has another process`, () => jobProcesses(id).some((pid) => !killed.includes(pid)));
}

/** Starts a job, and kills its agent and its process. Resolves to the job and its container. */
async function leaveJob(place: KeptContainers): Promise<{ readonly id: string; readonly container: string }> {
  const agent = await place.start();
  const id = await place.scene.hub.submit(containerJob(["echo begun; sleep 600"]));
  await place.shows(id, "begun");
  agent.kill("SIGKILL");
  await agent.finished;
  for (const pid of jobProcesses(id)) process.kill(pid, "SIGKILL");
  const [container = ""] = await place.left(id);
  return { id, container };
}

/** Size of a job's log on disk. */
function logSize({ stateDirectory }: Scene, id: string): number {
  const [log = ""] = new Bun.Glob(`**/${id}/events.ndjson`).scanSync({ cwd: stateDirectory, absolute: true });
  return log === "" ? 0 : Bun.file(log).size;
}

test("jobs in containers whose processes and agents are killed at random moments pass, with a log that is exact to the byte", async () => {
  await using place = await createKeptContainers();
  expect(await runSurvivalRounds(place, { from: 1, to: rounds })).toBeGreaterThanOrEqual(rounds / 2);
}, 1_200_000);

test("a command that has written 11 MB is continued, and the log has each of its lines once", async () => {
  await using place = await createKeptContainers();
  const { scene } = place;
  await place.start();
  const flood = "for i in $(seq 15); do seq $((i * 100000)) $((i * 100000 + 99999)); sleep 0.3; done";
  const id = await scene.hub.submit(containerJob([flood, "echo behind"]));
  for (const megabytes of [2, 5, 8]) {
    await until(`the log of job ${id} has ${megabytes} MB`, () => logSize(scene, id) > megabytes * 1e6);
    await killProcess(id);
  }
  expect(await place.result(id)).toBe("passed");
  const log = await scene.hub.log(id);
  const lines = Array.from({ length: 1_500_000 }, (_, at) => `${at + 100_000}\n`).join("");
  expect(Bun.hash(outputOf(log, flood))).toBe(Bun.hash(lines));
  expect(outputOf(log, "echo behind")).toBe("behind\n");
  await place.emptied(id);
}, 300_000);

test("a stop goes on in another process: no epilogue runs, and the log has the end of the command", async () => {
  await using place = await createKeptContainers();
  const { scene } = place;
  await place.start(["--stop-grace-period", "6"]);
  const command = `sh -c 'trap "echo caught; sleep 4; echo over; exit" TERM; echo begun; while :; do sleep 0.1; done'`;
  const id = await scene.hub.submit(
    containerJob([command, "echo never"], [{}], { epilogue_always_commands: ["echo never"] }),
  );
  await place.shows(id, "begun");
  await scene.hub.stopJob(id);
  await place.shows(id, "caught");
  await killProcess(id);
  expect(await place.result(id)).toBe("stopped");
  const log = await scene.hub.log(id);
  expect(outputOf(log, command).replaceAll("Terminated\n", "")).toStartWith("begun\ncaught\n");
  expect(outline(log).some((block) => block.includes("never"))).toBe(false);
  await place.emptied(id);
}, 180_000);

test("a job whose processes are killed while its containers start begins anew, and runs once", async () => {
  await using place = await createKeptContainers();
  const { scene } = place;
  await place.start();
  const id = await scene.hub.submit(containerJob(["echo ran"], [{}, { command: "sleep 1000" }]));
  for (const count of [1, 2]) {
    await until("a part of the job's place is there", async () => (await place.left(id)).length >= count);
    await killProcess(id);
  }
  expect(await place.result(id)).toBe("passed");
  expect(outline(await scene.hub.log(id)).filter((block) => block.includes("ran"))).toEqual([
    "[echo ran] 0: ran\n",
  ]);
  await place.emptied(id);
}, 180_000);

test("a job whose recorder is killed goes on, and ends with its process", async () => {
  await using place = await createKeptContainers();
  const { scene } = place;
  await place.start();
  const wait = "echo begun; until [ -e /tmp/go ]; do sleep 0.1; done";
  const id = await scene.hub.submit(containerJob([wait, "echo never"]));
  await place.shows(id, "begun");
  for (const pid of jobRecorders(id)) process.kill(pid, "SIGKILL");
  await until("the agent's log tells of it", async () =>
    (await scene.agentLog()).includes("the recorder of its output has died"),
  );
  for (const pid of jobProcesses(id)) process.kill(pid, "SIGKILL");
  expect(await place.result(id)).toBe("failed");
  expect(outline(await scene.hub.log(id)).join("\n")).toContain(
    "it cannot be continued: the recorder of its output has died",
  );
  await place.emptied(id);
}, 180_000);

test("a job whose container is gone when the next agent starts fails with that reason", async () => {
  await using place = await createKeptContainers();
  const { scene } = place;
  const { api } = await testEngine();
  const { id, container } = await leaveJob(place);
  await api.call("DELETE", `/containers/${container}?force=1`);
  await place.start();
  expect(await place.result(id)).toBe("failed");
  expect(outline(await scene.hub.log(id)).join("\n")).toContain("the job's container is gone");
  await place.emptied(id);
}, 180_000);

test("a job that no process continues is ended after claim-timeout", async () => {
  await using place = await createKeptContainers();
  const { api } = await testEngine();
  const { id, container } = await leaveJob(place);
  await until("the container has ended", async () => {
    const { State } = await api.get<{ State: { Running: boolean } }>(`/containers/${container}/json`);
    return !State.Running;
  });
  await until("the recorder has exited", () => jobRecorders(id).length === 0);
  await place.start();
  expect(await place.result(id)).toBe("failed");
  await place.emptied(id);
}, 180_000);
