import { describe, expect, test } from "bun:test";
import path from "node:path";
import { parseExposition, valueOf } from "../../plugins/health/testing/exposition.ts";
import type { AgentStatus } from "../../src/core/contracts/agent-status.ts";
import { createScene, type Scene, waitForFile } from "../support/agents.ts";
import type { Running } from "../support/fixtures.ts";
import { until } from "../support/jobs.ts";

/** Counts commands in jobs' processes, and jobs in the agent's. */
const counting = `
  import { definePlugin } from "signalman";
  export default definePlugin({
    name: "counting",
    setup(ctx) {
      const commands = ctx.metrics.counter("commands_total", { help: "Commands.", labels: ["ok"] });
      const seconds = ctx.metrics.histogram("seconds", { help: "Durations.", buckets: [600] });
      const jobs = ctx.metrics.counter("jobs_total", { help: "Jobs." });
      const last = ctx.metrics.gauge("last_exit_code", { help: "The last exit code." });
      ctx.hook("agent:registered", () => ctx.status("no job yet"));
      ctx.hook("agent:job-started", () => {
        jobs.inc();
        ctx.status("a job runs", { ready: false });
      });
      ctx.hook("agent:job-ended", () => ctx.status(undefined));
      ctx.hook("command:end", ({ exitCode, durationMs }) => {
        commands.inc(1, { ok: exitCode === 0 });
        seconds.observe(durationMs / 1000);
        last.set(exitCode);
      });
    },
  });`;

/** Adds a plugin to the configuration of a scene's agents. */
async function addPlugin({ tester }: Scene, source: string): Promise<void> {
  await tester.write("own.ts", source);
  const config = await Bun.file(`${tester.home}/fast.json`).json();
  const plugins = { ...config.plugins, "./own.ts": {} };
  await tester.write("fast.json", JSON.stringify({ ...config, plugins }));
}

async function startHealthy(scene: Scene) {
  const agent = await scene.readyAgent(["--health-listen", "127.0.0.1:0"]);
  return { agent, ...clientOf(agent) };
}

function clientOf(agent: Running) {
  const address = /health, status and metrics are at (\S+)/.exec(agent.stdout)![1]!;
  const text = async (page: string) => (await fetch(`${address}${page}`)).text();
  return {
    text,
    ready: async () => JSON.parse(await text("/readyz")) as { ready: boolean; reasons: unknown[] },
    value: async (name: string, labels: Record<string, string> = {}) =>
      valueOf(parseExposition(await text("/metrics")), `signalman_plugin_${name}`, labels),
  };
}

async function statusOf({ tester, stateDirectory }: Scene, args: readonly string[] = []): Promise<string> {
  return (await tester.run(["status", "--state-dir", stateDirectory, ...args])).stdout;
}

describe("a plugin's metrics and status", () => {
  test.concurrent("reach /metrics, /readyz and signalman status, also those of a job's process", async () => {
    await using scene = await createScene();
    await addPlugin(scene, counting);
    const { agent, ready, value } = await startHealthy(scene);
    await until("the plugin reports", async () =>
      (await statusOf(scene)).includes("plugin counting: no job yet"),
    );
    expect(await value("counting_jobs_total")).toBe(0);

    const wait = `touch ${scene.tester.home}/here; while [ ! -e ${scene.tester.home}/go ]; do sleep 0.05; done`;
    const id = await scene.hub.submit({ commands: ["true", wait, "(exit 3)"] });
    await waitForFile(path.join(scene.tester.home, "here"));
    await until("the first command is counted", async () => (await value("counting_commands_total")) === 1);
    expect(await ready()).toEqual({
      ready: false,
      reasons: [{ reason: "plugin", plugin: "counting", message: "a job runs" }],
    });
    const [status] = JSON.parse(await statusOf(scene, ["--json"])) as AgentStatus[];
    expect(status?.plugins).toEqual([{ plugin: "counting", text: "a job runs", ready: false }]);

    await scene.tester.write("go", "");
    expect((await scene.hub.done(id)).result).toBe("failed");
    expect(await value("counting_commands_total", { ok: "true" })).toBe(2);
    expect(await value("counting_commands_total", { ok: "false" })).toBe(1);
    expect(await value("counting_seconds_count")).toBe(3);
    expect(await value("counting_last_exit_code")).toBe(3);
    expect(await value("counting_jobs_total")).toBe(1);
    await until("the agent is ready", async () => (await ready()).ready);
    agent.kill("SIGTERM");
    expect((await agent.finished).exitCode).toBe(0);
  });

  test.concurrent("of a job whose agent was killed are counted by the next agent, each once", async () => {
    await using scene = await createScene();
    await addPlugin(scene, counting);
    const first = await startHealthy(scene);
    const file = (name: string) => path.join(scene.tester.home, name);
    const wait = (name: string) => `while [ ! -e ${file(name)} ]; do sleep 0.05; done`;
    const id = await scene.hub.submit({
      commands: ["true", wait("go"), `touch ${file("done")}`, wait("end")],
    });
    await until(
      "the first command is counted",
      async () => (await first.value("counting_commands_total")) === 1,
    );
    first.agent.kill("SIGKILL");
    await first.agent.finished;
    await scene.tester.write("go", "");
    await waitForFile(file("done"));
    const second = await startHealthy(scene);
    await until("two are counted", async () => (await second.value("counting_commands_total")) === 2);
    await scene.tester.write("end", "");
    expect((await scene.hub.done(id)).result).toBe("passed");
    expect(await second.value("counting_commands_total")).toBe(3);
  });
});

describe("a bad plugin", () => {
  test.concurrent("with a new label value for each of 10,000 records is bounded in job and agent, and named", async () => {
    await using scene = await createScene();
    await addPlugin(
      scene,
      `export default {
        name: "bad",
        setup(ctx) {
          const own = ctx.metrics.counter("own_total", { help: "Own.", labels: ["id"] });
          const jobs = ctx.metrics.counter("jobs_total", { help: "Jobs.", labels: ["id", "text"] });
          const flood = (metric, more) => {
            for (let id = 0; id < 10_000; id++) metric.inc(1, { id: "x".repeat(90) + id, ...more });
            metric.inc(-1, {});
          };
          ctx.hook("agent:registered", () => flood(own));
          ctx.hook("command:end", () => flood(jobs, { text: "\\u0001".repeat(1000) }));
        },
      };`,
    );
    const { value, text } = await startHealthy(scene);
    const id = await scene.hub.submit({ commands: ["true"] });
    expect((await scene.hub.done(id)).result).toBe("passed");
    expect(await value("bad_own_total")).toBe(10_000);
    expect(await value("bad_own_total", { id: "other" })).toBe(9900);
    expect(await value("bad_jobs_total")).toBe(10_000);
    expect((await text("/metrics")).length).toBeLessThan(200_000);
    const log = await scene.agentLog();
    const warnings = log.split("\n").filter((line) => line.includes('of plugin "bad" has more than 100'));
    // Two in the agent's process or three: that of the job is the second to count its own.
    expect(warnings.length).toBeWithin(2, 4);
    expect(log).toContain(
      'metric "own_total" of plugin "bad" has dropped a value: a counter cannot be changed',
    );
  });

  test.concurrent("with a status of 1 MB and escape sequences is shown on one short line", async () => {
    await using scene = await createScene();
    await addPlugin(
      scene,
      `export default {
        name: "bad",
        setup: (ctx) => ctx.status("\\u001b[2J\\n\\u202e" + "x".repeat(180) + process.env.SEMAPHORE_AGENT_TOKEN + "x".repeat(2 ** 20)),
      };`,
    );
    await startHealthy(scene);
    const shown = (await statusOf(scene)).split("\n").filter((line) => line.startsWith("plugin bad: "));
    expect(shown).toEqual([expect.stringMatching(/^plugin bad: ␛\[2J ⏎ �x{180}\[REDACTED\]x…$/)]);
    expect(shown[0]!.length).toBeLessThan(250);
  });

  test.concurrent("with an invalid name of a metric is named, and the agent does not start", async () => {
    await using scene = await createScene();
    await addPlugin(
      scene,
      `export default {
        name: "bad",
        setup: (ctx) => void ctx.metrics.counter("a b", { help: "B." }),
      };`,
    );
    const { exitCode, stderr } = await scene.agent().finished;
    expect(exitCode).toBe(1);
    expect(stderr).toContain('plugin "bad" failed in setup (own.ts:3): metric "a b" needs a name');
  });
});
