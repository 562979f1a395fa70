import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { createScene, inHome, jobProcesses, type Scene } from "../support/agents.ts";
import { until } from "../support/jobs.ts";

// Writes each event of a job to a file, from the agent's process and from those of jobs.
const recorder = `
  import { AgentError, definePlugin } from "signalman";
  import { appendFileSync } from "node:fs";
  export default definePlugin({
    name: "recorder",
    setup(ctx) {
      const record = (hook) => (event) => {
        const { job, signal, log, run, ...facts } = event;
        appendFileSync(process.env.HOME + "/events.ndjson",
          JSON.stringify({ hook, jobId: job?.id, pid: process.pid, ...facts }) + "\\n");
      };
      for (const hook of ["agent:job-assigned", "agent:job-started", "agent:job-resumed", "agent:job-ended",
        "job:phase", "job:block", "job:end"]) ctx.hook(hook, record(hook));
      ctx.hook("job:start", ({ job }) => {
        if (job.name === "unwanted") throw new AgentError("JOB_REFUSED", "this job is not wanted here");
      });
    },
  });`;

interface RecordedEvent {
  readonly hook: string;
  readonly jobId: string;
  readonly [name: string]: unknown;
}

async function createRecordedScene() {
  const scene = await createScene();
  await scene.tester.write("recorder.ts", recorder);
  const config = await scene.tester.write(
    "recorder.json",
    JSON.stringify({ extends: "./fast.json", plugins: { "./recorder.ts": {} } }),
  );
  const startAgent = () => scene.readyAgent(["--config-file", config]);
  return { ...scene, startAgent, agent: () => scene.agent(["--config-file", config]) };
}

async function eventsOf(scene: Scene, id: string): Promise<RecordedEvent[]> {
  const text = await readFile(inHome(scene, "events.ndjson"), "utf8").catch(() => "");
  const lines = text.split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as RecordedEvent).filter(({ jobId }) => jobId === id);
}

/** Waits for the notice of the end in the agent's process. */
async function endOf(scene: Scene, id: string) {
  await until("plugins were told of the job's end", async () =>
    (await eventsOf(scene, id)).some(({ hook }) => hook === "agent:job-ended"),
  );
  const events = await eventsOf(scene, id);
  return { events, end: events.find(({ hook }) => hook === "agent:job-ended")! };
}

const agentHooks = (events: readonly RecordedEvent[]) =>
  events.map(({ hook }) => hook).filter((hook) => hook.startsWith("agent:"));

describe("a job's times, cause and place", () => {
  test.concurrent("are complete for a job that fails, in both processes", async () => {
    await using scene = await createRecordedScene();
    await scene.startAgent();
    const id = await scene.hub.submit({ commands: ["(exit 3)"] });
    const { events, end } = await endOf(scene, id);
    expect(agentHooks(events)).toEqual(["agent:job-assigned", "agent:job-started", "agent:job-ended"]);
    const cause = { kind: "command", exitCode: 3, command: { phase: "commands", index: 0 } };
    expect(end).toMatchObject({ slot: 0, result: "failed", cause });
    const { assignedAt, fetchedAt, startedAt, finishedAt } = end["times"] as Record<string, number>;
    const order = [assignedAt!, fetchedAt!, startedAt!, finishedAt!];
    expect(order.toSorted((a, b) => a - b)).toEqual(order);
    const inJob = events.filter(({ hook }) => hook.startsWith("job:"));
    expect(inJob.at(-1)).toMatchObject({ hook: "job:end", cause, times: end["times"] } as never);
    const [agent] = await scene.hub.agents();
    const name = agent!.name;
    for (const event of inJob)
      expect(event).toMatchObject({ slot: 0, agent: { id: expect.any(String), name } });
    expect(new Set(events.map(({ pid }) => pid)).size).toBe(2);
  });

  test.concurrent("of a job whose process is killed: it lasted, and it died", async () => {
    await using scene = await createRecordedScene();
    await scene.startAgent();
    const id = await scene.hub.submit({ commands: ["echo begun; sleep 600"] });
    await scene.hub.shows(id, "begun");
    for (const pid of jobProcesses(id)) process.kill(pid, "SIGKILL");
    const { end } = await endOf(scene, id);
    expect(end).toMatchObject({ result: "failed", cause: { kind: "died", signal: "SIGKILL" } });
    expect(end["durationMs"]).toBeGreaterThan(0);
  });

  test.concurrent("of a job that a plugin refuses: its cause is the refusal", async () => {
    await using scene = await createRecordedScene();
    await scene.startAgent();
    const id = await scene.hub.submit({ name: "unwanted", commands: ["true"] });
    const { events, end } = await endOf(scene, id);
    expect(end).toMatchObject({ cause: { kind: "refused", message: "this job is not wanted here" } });
    const phases = events.filter(({ hook }) => hook === "job:phase");
    expect(phases.map(({ phase, isOk }) => [phase, isOk])).toEqual([
      ["accept", false],
      ["finish", true],
      ["dispose", true],
    ]);
    expect((await scene.hub.done(id)).result).toBe("failed");
  });

  test.concurrent("of a job that the next agent resumes: it is resumed once, and not started again", async () => {
    await using scene = await createRecordedScene();
    const agent = await scene.startAgent();
    const id = await scene.hub.submit({ commands: ["echo begun", "until [ -e go ]; do sleep 0.05; done"] });
    await scene.hub.shows(id, "begun");
    agent.kill("SIGKILL");
    await agent.finished;
    scene.agent();
    await until("the job is resumed", async () =>
      (await eventsOf(scene, id)).some(({ hook }) => hook === "agent:job-resumed"),
    );
    await scene.tester.write("go", "");
    const { events, end } = await endOf(scene, id);
    expect(agentHooks(events)).toEqual([
      "agent:job-assigned",
      "agent:job-started",
      "agent:job-resumed",
      "agent:job-ended",
    ]);
    expect(end).toMatchObject({ result: "passed" });
    expect(end["cause"]).toBeUndefined();
    const assigned = events.find(({ hook }) => hook === "agent:job-assigned");
    expect(end["times"]).toMatchObject({
      assignedAt: assigned?.["assignedAt"],
      fetchedAt: expect.any(Number),
    });
  });
});
