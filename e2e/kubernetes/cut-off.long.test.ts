import { beforeAll, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { startCluster } from "../support/cluster/cluster.ts";
import { daemonPid } from "../support/cluster/daemon.ts";
import { ports } from "../support/cluster/layout.ts";
import { outputOf } from "../support/jobs.ts";
import { startProxy } from "../support/proxy.ts";
import { buildAgentImage } from "./agent-image.ts";
import { patiently } from "./namespaces.ts";
import { createTwoAgents, type TwoAgents } from "./two-agents.ts";

beforeAll(async () => {
  await startCluster();
  await buildAgentImage();
}, 1_800_000);

const count = 250;
/** Commands that count how often each of them runs. */
const commands = Array.from({ length: count }, (_, at) => `echo run ${at + 1} | tee -a /tmp/runs; sleep 0.4`);
const outputs = commands.map((_, at) => `run ${at + 1}\n`);
const all = "cat /tmp/runs";
const lost = "the lease of the state directory is lost: it could not be renewed for 45 s";

/** Starts the job. `shown` resolves to the number of its commands that the log has. */
async function startJob({ scene }: TwoAgents) {
  const id = await scene.hub.submit({ commands: [...commands, all] });
  const shown = async () => {
    const log = await scene.hub.log(id);
    return log.filter(({ event }) => event === "cmd_finished").length;
  };
  await patiently("the job runs", async () => (await shown()) >= 10);
  return { id, shown };
}

/** Waits for the job's end. Each of its commands has run once, and the log has the output of each once. */
async function expectWhole({ scene }: TwoAgents, id: string): Promise<void> {
  await patiently("the job is done", async () => (await scene.hub.job(id)).isDone, 300_000);
  expect((await scene.hub.job(id)).result).toBe("passed");
  const log = await scene.hub.log(id);
  expect([...commands, all].map((command) => outputOf(log, command))).toEqual([...outputs, outputs.join("")]);
  expect(await scene.hub.violations()).toEqual([]);
}

test.each([
  ["whose connections to the API server are reset", { kind: "reset" }],
  // The commands that it still sends arrive when its successor has continued the job.
  ["whose requests do not reach the API server until later", { kind: "hold" }],
] as const)(
  "an agent %s ends, and its successor on another node continues the job: each command runs once",
  async (_, state) => {
    await using agents = await createTwoAgents();
    const { namespace } = agents;
    await using proxy = await startProxy(() => `127.0.0.1:${ports.apiServer}`);
    await agents.start("first", { KUBERNETES_SERVICE_PORT: proxy.endpoint.split(":")[1]! });
    const { id, shown } = await startJob(agents);
    proxy.set(state, "requests");
    await agents.start("second");
    const seen = await shown();
    await patiently("the successor continues the job", async () => (await shown()) > seen + 20, 180_000);
    proxy.set({ kind: "pass" });
    expect(await namespace.kubectl(["logs", "first", "--previous"])).toContain(lost);
    const waits = "holds the lease of the state directory; waiting until it has not renewed it for 60 s";
    expect(await agents.log("second")).toContain(waits);
    await patiently("the first agent waits", async () => (await agents.log("first")).includes(waits));
    await expectWhole(agents, id);
    await namespace.kubectl(["delete", "pods", "first", "second", "--grace-period=1"]);
  },
  900_000,
);

test("an agent whose API server stands still for longer than its lease ends, is started again, and continues the job", async () => {
  await using agents = await createTwoAgents();
  const { scene, namespace } = agents;
  await agents.start("first");
  const { id, shown } = await startJob(agents);
  const { agent, job } = await agents.processes(id);
  const shim = await parentOf(agent);
  const apiServer = daemonPid("kube-apiserver")!;
  process.kill(apiServer, "SIGSTOP");
  try {
    for (const pid of [agent, job])
      await patiently(`process ${pid} has ended`, async () => !existsSync(`/proc/${pid}`));
    const seen = await shown();
    await patiently("the next agent waits for the API server", async () =>
      (await agentLogBelow(shim)).includes("the lease of the state directory is not available"),
    );
    expect((await scene.hub.job(id)).isDone).toBe(false);
    expect(await shown()).toBe(seen);
  } finally {
    process.kill(apiServer, "SIGCONT");
  }
  await expectWhole(agents, id);
  expect(await agents.restarts("first")).toBe(1);
  expect(await namespace.kubectl(["logs", "first", "--previous"])).toContain(lost);
  expect(await scene.hub.agents()).toHaveLength(1);
  await namespace.kubectl(["delete", "pod", "first", "--grace-period=1"]);
}, 900_000);

async function parentOf(pid: number | string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]);
}

/** The logs of the agents that a shim of the container runtime has started, without the API server. */
async function agentLogBelow(shim: number): Promise<string> {
  const logs: string[] = [];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name)))
    if ((await parentOf(pid)) === shim)
      logs.push(await readFile(path.join("/proc", pid, "root", "tmp", "agent_log"), "utf8").catch(() => ""));
  return logs.join("");
}
