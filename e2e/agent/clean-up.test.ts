import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import path from "node:path";
import { createScene, jobProcesses, type Scene } from "../support/agents.ts";
import { until } from "../support/jobs.ts";

/** An executor of an operator: it takes all jobs, runs none of their commands, and records its cleanups. */
const boxes = `
  import { appendFileSync } from "node:fs";
  import { definePlugin, executor } from "signalman";
  export default definePlugin({
    name: "boxes",
    runsIn: ["agent", "job"],
    setup(ctx) {
      ctx.provide(executor, "box", {
        takesAllJobs: true,
        create() {
          const stopped = Promise.withResolvers();
          return {
            start: async () => 0,
            exportEnvironment: async () => 0,
            injectFiles: async () => 0,
            async run(directive, output) {
              output("in a box\\n");
              return directive === "wait" ? stopped.promise : 0;
            },
            stop: async () => stopped.resolve(1),
            [Symbol.asyncDispose]: async () => stopped.resolve(1),
          };
        },
        async cleanUp({ jobId, runningJobs }) {
          appendFileSync("cleanups.ndjson", JSON.stringify({ jobId, runningJobs }) + "\\n");
          if (jobId) throw new Error("the box is stuck");
        },
      });
    },
  });`;

describe("an executor that takes all jobs and cleans up", () => {
  test.concurrent("cleans up at the agent's start, and after a job whose process died; running jobs are spared", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    const args = await writePlugin(scene);
    const first = await scene.readyAgent(args);
    await until("the agent has cleaned up", () => cleanUps(scene).length === 1);
    expect(cleanUps(scene)).toEqual([{ runningJobs: [] }]);

    const dead = await hub.submit({ commands: ["wait"] });
    await hub.shows(dead, "in a box");
    process.kill(jobProcesses(dead)[0]!, "SIGKILL");
    expect((await hub.done(dead)).result).toBe("failed");
    expect(cleanUps(scene).slice(1)).toEqual([{ jobId: dead, runningJobs: [] }]);
    expect(await scene.agentLog()).toMatch(/level=error .*executor cleanup failed, .*the box is stuck/);

    const running = await hub.submit({ commands: ["wait"] });
    await hub.shows(running, "in a box");
    first.kill("SIGKILL");
    await first.finished;
    await scene.readyAgent(args);
    await until("the next agent has cleaned up", () => cleanUps(scene).length === 3);
    expect(cleanUps(scene).slice(2)).toEqual([{ runningJobs: [running] }]);
    await hub.stopJob(running);
    expect((await hub.done(running)).result).toBe("stopped");
  });

  test.concurrent("enforces no limit that it does not declare: the agent does not start, and names the option", async () => {
    await using scene = await createScene();
    const agent = scene.agent([...(await writePlugin(scene)), "--job-memory", "1GiB", "--job-cpus", "0.5"]);
    const { exitCode, stdout, stderr } = await agent.finished;
    expect(`${stdout}${stderr}`).toContain('executor "box" cannot enforce "job-memory", "job-cpus"');
    expect(exitCode).toBe(1);
  });
});

async function writePlugin({ tester }: Scene): Promise<string[]> {
  await tester.write("boxes.ts", boxes);
  const config = { extends: "./fast.json", plugins: { "./boxes.ts": {} } };
  return ["--config-file", await tester.write("with-boxes.json", JSON.stringify(config))];
}

function cleanUps({ tester }: Scene): unknown[] {
  try {
    const text = readFileSync(path.join(tester.home, "cleanups.ndjson"), "utf8");
    return text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
  } catch {
    return [];
  }
}
