import { beforeAll, expect, test } from "bun:test";
import { startCluster } from "../support/cluster/cluster.ts";
import { outputOf } from "../support/jobs.ts";
import { buildAgentImage } from "./agent-image.ts";
import { patiently } from "./namespaces.ts";
import { createTwoAgents } from "./two-agents.ts";

beforeAll(async () => {
  await startCluster();
  await buildAgentImage();
}, 1_800_000);

const count = 1000;
const numbers = `for i in $(seq ${count}); do echo line $i; sleep 0.1; done`;
const numbered = Array.from({ length: count }, (_, at) => `line ${at + 1}\n`).join("");

test.each([
  ["and the process of its job", ["job", "agent"]],
  ["alone", ["agent"]],
] as const)(
  "an agent that is suspended %s until its successor has continued the job ends, and the log is exact to the byte",
  async (_, suspended) => {
    await using agents = await createTwoAgents();
    const { scene, namespace } = agents;
    await agents.start("first");
    const id = await scene.hub.submit({ commands: [numbers, "echo after"] });
    const shown = async () => outputOf(await scene.hub.log(id), numbers);
    await patiently("the job runs", async () => (await shown()).includes("line 20\n"));
    const processes = await agents.processes(id);
    for (const each of suspended) process.kill(processes[each], "SIGSTOP");
    const seen = (await shown()).length;
    await agents.start("second");
    await patiently(
      "the successor continues the job",
      async () => (await shown()).length > seen + 100,
      180_000,
    );
    for (const each of suspended) process.kill(processes[each], "SIGCONT");
    await patiently("the suspended agent has ended", async () => (await agents.restarts("first")) > 0);
    expect((await scene.hub.job(id)).isDone).toBe(false);
    await patiently("the job is done", async () => (await scene.hub.job(id)).isDone, 300_000);
    expect((await scene.hub.job(id)).result).toBe("passed");
    const log = await scene.hub.log(id);
    expect([outputOf(log, numbers), outputOf(log, "echo after")]).toEqual([numbered, "after\n"]);
    expect(await scene.hub.violations()).toEqual([]);
    expect(await agents.log("second")).toContain("waiting until it has not renewed it for 60 s");
    await namespace.kubectl(["delete", "pods", "first", "second", "--grace-period=1"]);
  },
  900_000,
);
