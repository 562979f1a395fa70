import { describe, expect, test } from "bun:test";
import { createScene } from "./agents.ts";
import { type Deed, deeds, hooks, type Place, writeBadPlugin } from "./bad-plugins.ts";
import { createTester } from "./fixtures.ts";
import { outline, runForEvents, until } from "./jobs.ts";

const job = { commands: ["sleep 0.2"] };
const places: readonly Place[] = [...hooks, "setup", "load", "timer", "disposal"];
const isBefore = (place: Place) => ["setup", "load", "agent:start"].includes(place);
/** `run` calls neither, since it has no control plane. */
const isCalledInRun = (place: Place) => place !== "agent:registered" && place !== "agent:synced";
const gates: readonly Place[] = ["job:start", "job:prepare"];

/** The exit status of `run`; `undefined` where only a stop ends it. */
function toStatus(place: Place, deed: Deed): number | undefined {
  if (deed === "spin") return undefined;
  if (deed === "floods") return 0;
  if (deed === "exits") return isBefore(place) ? 2 : place === "agent:job-started" ? 2 : 1;
  if (deed === "throws") return isBefore(place) ? 2 : gates.includes(place) ? 1 : 0;
  if (isBefore(place)) return 2;
  const isEndless = [...gates, "command:start", "command:end", "job:finish", "agent:exit"].includes(place);
  return isEndless ? undefined : 0;
}

const table = places
  .filter(isCalledInRun)
  .flatMap((place) =>
    (Object.keys(deeds) as Deed[]).map((deed) => [place, deed, toStatus(place, deed)] as const),
  );

describe("run with a plugin", () => {
  test.concurrent.each(table.filter(([, , status]) => status !== undefined))(
    "in %s that %s exits with %p",
    async (place, deed, status) => {
      await using tester = await createTester();
      await writeBadPlugin(tester, place, deed);
      const { exitCode, stderr, events } = await runForEvents(tester, job);
      expect(exitCode).toBe(status!);
      if (deed !== "never" || place !== "timer") expect(stderr).toMatch(/bad|flood of a plugin/);
      if (status === 0) expect(outline(events).at(-1)).toBe("end passed");
      if (isBefore(place) && status === 2) expect(events).toEqual([]);
    },
  );

  test.concurrent.each(table.filter(([, , status]) => status === undefined))(
    "in %s that %s is ended by the second Ctrl-C",
    async (place, deed) => {
      await using tester = await createTester();
      await writeBadPlugin(tester, place, deed);
      await tester.write("job.json", JSON.stringify(job));
      const running = tester.start(["run", "job.json"], { isTerminal: true });
      await until("the plugin acts", () => Bun.file(`${tester.home}/done`).exists());
      running.type("\x03");
      // Before a configuration is read, the first one ends the program.
      if (place !== "load") {
        await Bun.sleep(500);
        running.type("\x03");
      }
      const { exitCode } = await running.finished;
      expect([130, 137, 0]).toContain(exitCode);
    },
  );
});

const agentHooks = hooks.filter((hook) => hook.startsWith("agent:") && hook !== "agent:start");
const inAgent = agentHooks.filter(
  (hook) => !["agent:draining", "agent:left", "agent:exit", "agent:stop"].includes(hook),
);

describe("an agent with a plugin", () => {
  test.concurrent.each(
    inAgent.flatMap((hook) => (["never", "throws", "floods"] as const).map((deed) => [hook, deed] as const)),
  )("in %s that %s reports its jobs as passed", async (hook, deed) => {
    await using scene = await createBadScene(hook, deed);
    await scene.readyAgent();
    for (let count = 0; count < 2; count++) {
      const id = await scene.hub.submit(job);
      expect((await scene.hub.done(id)).result).toBe("passed");
    }
  });

  test.concurrent.each(inAgent)("in %s that spins is killed by the watchdog, and named", async (hook) => {
    await using scene = await createBadScene(hook, "spin");
    const agent = scene.agent(["--watchdog", "1"]);
    const id = await scene.hub.submit(job);
    expect((await agent.finished).exitCode).toBe(137);
    await until("the watchdog reports", async () =>
      (await scene.agentLog()).includes(`(plugin bad in ${hook}`),
    );
    scene.agent();
    expect((await scene.hub.done(id)).result).toBe("passed");
  });

  test.concurrent.each([
    ...hooks.filter((hook) => !hook.startsWith("agent:") && hook !== "job:end"),
    "job:end",
    "timer",
  ] as Place[])("in %s that exits fails its job with the reason, and the next job passes", async (place) => {
    await using scene = await createBadScene(place, "exits");
    await scene.readyAgent();
    const id = await scene.hub.submit(job);
    expect((await scene.hub.done(id)).result).toBe("failed");
    const next = await scene.hub.submit(job);
    expect((await scene.hub.done(next)).result).toBe("passed");
    expect(await scene.agentLog()).toContain('plugin "bad" (bad.ts:2) ended it: process.exit(0)');
  });

  test.concurrent.each(["job:start", "job:prepare", "command:start", "command:end", "job:finish"] as const)(
    "in %s that never resolves: a stop ends the job, and the next one passes",
    async (hook) => {
      await using scene = await createBadScene(hook, "never");
      await scene.readyAgent();
      const id = await scene.hub.submit(job);
      await until("the plugin acts", () => Bun.file(`${scene.tester.home}/done`).exists());
      await scene.hub.stopJob(id);
      expect((await scene.hub.done(id)).result).toBe("stopped");
      const next = await scene.hub.submit(job);
      expect((await scene.hub.done(next)).result).toBe("passed");
    },
  );
});

async function createBadScene(place: Place, deed: Deed) {
  const scene = await createScene();
  await writeBadPlugin(scene.tester, place, deed);
  const fast = await Bun.file(`${scene.tester.home}/fast.json`).json();
  const config = { ...fast, plugins: { ...fast.plugins, "./bad.ts": {} } };
  await scene.tester.write("fast.json", JSON.stringify(config));
  return scene;
}
