import { describe, expect, test } from "bun:test";
import { startStatsdServer } from "../../plugins/statsd/testing/statsd-server.ts";
import { createScene, type Scene } from "../support/agents.ts";
import { outline } from "../support/jobs.ts";

/** A plugin with an executor that reports a pull of each of the job's images. */
const pulling = `
  import { definePlugin, executor } from "signalman";
  import { createDummyExecutor } from "signalman/testing";
  export default definePlugin({
    name: "pulling",
    setup: (ctx) => ctx.provide(executor, "pulling", {
      create(context) {
        const dummy = createDummyExecutor(context);
        return {
          ...dummy,
          async start(signal) {
            for (const { image } of context.job.containers)
              await context.imagePulled({ image, durationMs: 3200, isOk: true });
            return dummy.start(signal);
          },
        };
      },
    }),
  });`;

const to = (port: number, host = "127.0.0.1") => ["--statsd-host", host, "--statsd-port", `${port}`];

/** Runs jobs one after another, then shuts the agent down. */
async function work(scene: Scene, args: readonly string[], jobs: readonly Record<string, unknown>[]) {
  const agent = await scene.readyAgent(args);
  for (const job of jobs) {
    const id = await scene.hub.submit(job);
    expect((await scene.hub.done(id)).isDone).toBe(true);
    expect(await scene.hub.log(id)).toEqual(await scene.keptLog(id));
  }
  agent.kill("SIGINT");
  return agent.finished;
}

describe("an agent with a StatsD server", () => {
  test.concurrent("sends metrics of its jobs, syncs and slots", async () => {
    using server = await startStatsdServer();
    await using scene = await createScene();
    const agent = await scene.readyAgent(to(server.port));
    const passed = await scene.hub.submit({ commands: ["echo hello"] });
    expect((await scene.hub.done(passed)).result).toBe("passed");
    const failed = await scene.hub.submit({
      commands: ["while [ ! -e go ]; do sleep 0.05; done; exit 3"],
    });
    await server.has((line) => line.endsWith("slot.busy:1|g"));
    await scene.tester.write("go", "");
    expect((await scene.hub.done(failed)).result).toBe("failed");
    agent.kill("SIGINT");
    expect((await agent.finished).exitCode).toBe(0);
    await server.has((line) => line.includes("slot.left"));
    const names = ["shell.passed.no_tag.job.ended:1|c", "shell.failed.no_tag.job.ended:1|c"];
    const own = ["slot.registered:1|c", "slot.busy:1|g", "slot.busy:0|g"].map(
      (name) => `no_tag.no_tag.no_tag.${name}`,
    );
    const wanted = [...names, ...own, "interrupted.no_tag.no_tag.slot.left:1|c"];
    expect(server.lines).toEqual(expect.arrayContaining(wanted.map((name) => `tagged.agent.prod.${name}`)));
    expect(server.lines.filter((line) => line.includes("job.started:1|c"))).toHaveLength(2);
    expect(server.lines.filter((line) => line.includes("sync.duration:"))).not.toEqual([]);
  });

  test.concurrent("sends the metrics of many jobs", async () => {
    using server = await startStatsdServer();
    await using scene = await createScene();
    const agent = await scene.readyAgent([...to(server.port), "--slots", "2"]);
    const ids = await Promise.all(
      Array.from({ length: 30 }, () => scene.hub.submit({ commands: ["echo hello"] })),
    );
    for (const id of ids) expect((await scene.hub.done(id)).result).toBe("passed");
    agent.kill("SIGINT");
    expect((await agent.finished).exitCode).toBe(0);
    await server.has((line) => line.includes("slot.left"));
    for (const name of ["job.started:1|c", "job.ended:1|c", "job.duration:"]) {
      expect(server.lines.filter((line) => line.includes(name))).toHaveLength(30);
    }
  });

  test.concurrent("and an executor from an outside plugin sends the reference agent's metrics of image pulls", async () => {
    using server = await startStatsdServer();
    await using scene = await createScene();
    const plugin = await scene.tester.write("pulling.ts", pulling);
    const config = await scene.tester.write(
      "signalman.config.json",
      JSON.stringify({
        plugins: { [plugin]: {} },
        "statsd-namespace": "acme.ci",
        "statsd-port": server.port,
      }),
    );
    const job = (...images: string[]) => ({
      executor: "pulling",
      compose: { containers: images.map((image, index) => ({ name: `c${index}`, image })) },
      commands: ["print hello"],
    });
    const { exitCode } = await work(
      scene,
      ["--statsd-host", "127.0.0.1", "--config-file", config],
      [job("ruby:3", "semaphoreci/android:28"), job("semaphoreci/android:29", "ruby:3")],
    );
    expect(exitCode).toBe(0);
    await server.has((line) => line.includes("slot.left"));
    const name = "tagged.acme.ci.semaphoreci_android.no_tag.no_tag.compose.docker";
    expect(server.lines.filter((line) => line.includes("compose.docker"))).toEqual([
      `${name}.pull.rate:1|g`,
      `${name}.pull.duration:3|g`,
    ]);
  });
});

describe("an unreachable StatsD server", () => {
  test.concurrent.each([
    ["at a closed port", "127.0.0.1"],
    ["in another family", "::1"],
    ["with a name that does not resolve", "statsd.invalid"],
  ])("%s does not affect jobs and is not reported", async (_, host) => {
    const closed = await startStatsdServer();
    closed[Symbol.dispose]();
    await using scene = await createScene();
    const job = { commands: ["echo hello"] };
    const { exitCode, stdout, stderr } = await work(scene, to(closed.port, host), [job, job]);
    expect(exitCode).toBe(0);
    expect(stdout + stderr).not.toMatch(/ECONNREFUSED|statsd|ENOTFOUND|error/i);
    expect(await scene.agentLog()).not.toMatch(/ECONNREFUSED|ENOTFOUND/);
    const [view] = await scene.hub.jobs();
    expect(outline(await scene.hub.log(view!.id)).at(-1)).toBe("end passed");
  });

  test.concurrent("is logged at debug level", async () => {
    await using scene = await createScene();
    const { exitCode } = await work(scene, [...to(8125, "statsd.invalid"), "--log-level", "debug"], []);
    expect(exitCode).toBe(0);
    expect(await scene.agentLog()).toContain('StatsD server "statsd.invalid" is unreachable');
  });
});
