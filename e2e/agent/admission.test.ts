import { describe, expect, test } from "bun:test";
import { existsSync, rmSync } from "node:fs";
import { valueOf, parseExposition } from "../../plugins/health/testing/exposition.ts";
import type { AgentStatus } from "../../src/core/contracts/agent-status.ts";
import { createScene, inHome, type Scene, waitForFile } from "../support/agents.ts";
import { outline, until } from "../support/jobs.ts";

/** A plugin that refuses jobs while the file `closed` exists in the agents' home. */
const gate = (file: string) => `
  import { existsSync } from "node:fs";
  import { admission } from "signalman";
  const answer = { reason: "the file exists", until: "it is removed" };
  export default {
    name: "gate",
    runsIn: ["agent"],
    setup(ctx) {
      ctx.provide(admission, "gate", { check: () => (existsSync(${JSON.stringify(file)}) ? answer : undefined) });
    },
  };
`;

/** A scene whose agents have the plugin, and short times. */
async function createGatedScene(
  plugin?: string,
): Promise<Scene & { close(): Promise<string>; open(): void }> {
  const scene = await createScene();
  const closed = inHome(scene, "closed");
  await scene.tester.write("gate.ts", plugin ?? gate(closed));
  const fast = await Bun.file(inHome(scene, "fast.json")).json();
  const plugins = { ...fast.plugins, "./gate.ts": {} };
  const config = { ...fast, "admission-interval": 0.05, "admission-pause": 0.2, plugins };
  await scene.tester.write("fast.json", JSON.stringify(config));
  return {
    ...scene,
    close: () => scene.tester.write("closed", ""),
    open: () => rmSync(closed),
  };
}

const ask = async (scene: Scene, ...args: string[]) =>
  (await scene.tester.run(["status", "--state-dir", scene.stateDirectory, ...args])).stdout;

const isPaused = async (scene: Scene) =>
  (JSON.parse(await ask(scene, "--json")) as AgentStatus[])[0]?.slots[0]?.state === "paused";

const isGone = async ({ hub }: Scene) => (await hub.agents()).length === 0;

describe("an agent whose plugin refuses jobs", () => {
  test.concurrent("disconnects, shows why, and runs the waiting job when the plugin admits it", async () => {
    await using scene = await createGatedScene();
    const agent = await scene.readyAgent(["--health-listen", "127.0.0.1:0", "--name", "agent-to-pause"]);
    const address = /health, status and metrics are at (\S+)/.exec(agent.stdout)![1]!;
    await until("it is ready", async () => (await fetch(`${address}/readyz`)).status === 200);
    await scene.close();
    await until("the hub does not know it any more", () => isGone(scene));
    expect(await ask(scene)).toMatch(
      /\n1 +agent-to-pause +paused\nslot 1 has been paused for .*: the file exists, until it is removed \(plugin gate\)\n/,
    );
    const ready = await fetch(`${address}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([
      503,
      {
        ready: false,
        reasons: [
          { reason: "paused", slot: 0, message: 'plugin "gate": the file exists, until it is removed' },
        ],
      },
    ]);
    expect((await fetch(`${address}/healthz`)).status).toBe(200);
    const metrics = parseExposition(await (await fetch(`${address}/metrics`)).text());
    expect(valueOf(metrics, "signalman_slots", { state: "paused" })).toBe(1);
    expect(valueOf(metrics, "signalman_slot_pauses_total", { plugin: "gate" })).toBe(1);
    expect(
      Math.abs(valueOf(metrics, "signalman_slot_paused_timestamp_seconds")! - Date.now() / 1000),
    ).toBeLessThan(600);

    const id = await scene.hub.submit({ commands: ["echo hello"] });
    expect((await scene.hub.job(id)).isDone).toBe(false);
    scene.open();
    expect((await scene.hub.done(id)).result).toBe("passed");
    await until("it is ready again", async () => (await fetch(`${address}/readyz`)).status === 200);
    expect((await scene.hub.agents()).map(({ name }) => name)).toEqual(["agent-to-pause"]);
    expect(await scene.hub.violations()).toEqual([]);
    const log = await scene.agentLog();
    expect(log).toContain('slot paused by plugin "gate": the file exists, until it is removed');
    expect(log).toContain("slot resumed after a pause of");
    agent.kill("SIGTERM");
    expect((await agent.finished).exitCode).toBe(0);
  });

  test.concurrent("finishes its running job, and takes no other", async () => {
    await using scene = await createGatedScene();
    await scene.readyAgent();
    const { home } = scene.tester;
    const wait = `touch ${home}/here; while [ ! -e ${home}/go ]; do sleep 0.05; done`;
    const first = await scene.hub.submit({ commands: [wait] });
    await waitForFile(inHome(scene, "here"));
    await scene.close();
    const second = await scene.hub.submit({ commands: ["true"] });
    await scene.tester.write("go", "");
    expect((await scene.hub.done(first)).result).toBe("passed");
    await until("the hub does not know it any more", () => isGone(scene));
    expect((await scene.hub.job(second)).isDone).toBe(false);
    scene.open();
    expect((await scene.hub.done(second)).result).toBe("passed");
    expect(await scene.hub.violations()).toEqual([]);
  });

  test.concurrent("registers only when it is admitted, and exits at once on each signal", async () => {
    await using scene = await createGatedScene();
    await scene.close();
    for (const signal of ["SIGQUIT", "SIGTERM", "SIGUSR2"] as const) {
      const agent = scene.agent();
      await until("it is paused", () => isPaused(scene));
      expect(await scene.hub.agents()).toEqual([]);
      agent.kill(signal);
      expect((await agent.finished).exitCode).toBe(0);
    }
    const agent = scene.agent();
    await until("it is paused", () => isPaused(scene));
    scene.open();
    await until("it is registered", async () => (await scene.hub.agents()).length === 1);
    agent.kill("SIGQUIT");
    expect((await agent.finished).exitCode).toBe(0);
  });

  test.concurrent("runs the shutdown hook with the reason of the drain when it exits", async () => {
    await using scene = await createGatedScene();
    await scene.tester.write(
      "hook.sh",
      `echo $SEMAPHORE_AGENT_SHUTDOWN_REASON > ${scene.tester.home}/reason\n`,
    );
    const agent = await scene.readyAgent(["--shutdown-hook-path", inHome(scene, "hook.sh")]);
    await scene.close();
    await until("the hub does not know it any more", () => isGone(scene));
    agent.kill("SIGQUIT");
    expect((await agent.finished).exitCode).toBe(0);
    expect(await Bun.file(inHome(scene, "reason")).text()).toBe("REQUESTED\n");
  });
});

describe("a plugin that lies", () => {
  test.concurrent("about admission refuses nothing, and is named in status and log", async () => {
    await using scene = await createGatedScene(`
      import { admission } from "signalman";
      const check = () => ({ ok: false });
      export default { name: "liar", setup: (ctx) => ctx.provide(admission, "lies", { check }) };
    `);
    await scene.readyAgent();
    const id = await scene.hub.submit({ commands: ["true"] });
    expect((await scene.hub.done(id)).result).toBe("passed");
    const fault = 'plugin "liar" must return a reason or nothing from admission "lies".check, not {';
    expect(await ask(scene)).toContain(`slot 1: ${fault}`);
    expect(await scene.agentLog()).toContain(fault);
  });

  test.concurrent("as a policy refuses the job, whose log does not name it", async () => {
    await using scene = await createGatedScene(`
      import { jobPolicy } from "signalman";
      const check = () => ({ ok: true });
      export default { name: "liar", runsIn: ["job"], setup: (ctx) => ctx.provide(jobPolicy, "lies", { check }) };
    `);
    await scene.readyAgent();
    const never = inHome(scene, "never");
    const id = await scene.hub.submit({
      commands: [`touch ${never}`],
      epilogue_always_commands: [`touch ${never}`],
    });
    expect((await scene.hub.done(id)).result).toBe("failed");
    const lines = outline(await scene.hub.log(id));
    expect(lines.slice(1)).toEqual([
      expect.stringContaining('The policy "lies" of this agent could not decide whether the job may run.'),
      "end failed",
    ]);
    expect(existsSync(never)).toBe(false);
    expect(await scene.agentLog()).toContain('plugin "liar" must return a reason or nothing');
  });
});
