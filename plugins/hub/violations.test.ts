import { expect, test } from "bun:test";
import type { Hub, HubOptions } from "./contract.ts";
import {
  createScriptedAgent,
  type ScriptedAgent,
  validLog,
  push,
  registerAt,
} from "./testing/scripted-agent.ts";
import { createHub } from "./hub.ts";
import { type Rule, rules } from "./watch/violations.ts";

interface Scene {
  readonly hub: Hub;
  readonly agent: ScriptedAgent;
  /** A job that the agent has started. */
  readonly id: string;
  readonly logger: { readonly url: string; readonly token: string };
  wait(ms: number): void;
}

async function createScene(options: HubOptions = {}): Promise<Scene & AsyncDisposable> {
  let now = 1_700_000_000_000;
  const hub = await createHub({ now: () => now, syncIntervalMs: 0, ...options });
  const agent = await createScriptedAgent(hub);
  const { id } = await hub.submit("commands: [make]");
  const logger = await agent.take(id);
  return { hub, agent, id, logger, wait: (ms) => void (now += ms), [Symbol.asyncDispose]: () => hub.stop() };
}

const found = (hub: Hub): string[] => hub.violations.list.map(({ rule }) => rule);
const log = validLog("a\n", "b\n");
const finish = (scene: Scene, more: object = {}): Promise<unknown> =>
  scene.agent.sync("finished-job", { job_id: scene.id, job_result: "passed", ...more });

test("an agent that follows the protocol causes no violation from registration to disconnect", async () => {
  await using scene = await createScene({ syncIntervalMs: 1000 });
  scene.hub.violations.clear();
  const { agent, id, logger, wait } = scene;
  wait(2000);
  await agent.sync("running-job", { job_id: id });
  await push(logger, 0, log.slice(0, 3));
  await push(logger, 3, log.slice(3));
  await finish(scene);
  wait(1000);
  await agent.sync("waiting-for-jobs", { interrupted_at: 1_700_000_000 });
  await agent.disconnect();
  expect(scene.hub.violations.list).toEqual([]);
});

/** Violates each rule, with an agent that has started a job. */
const violate: Readonly<Record<Rule, (scene: Scene) => Promise<unknown>>> = {
  "register-body": ({ hub }) => registerAt(hub, { name: "other-agent", extra: 1 }),
  "sync-body": ({ agent, id }) => agent.sync("running-job", { job_id: id, job_result: undefined }),
  "sync-state": ({ agent }) => agent.sync("sleeping").catch(() => {}),
  "sync-early": async ({ hub, agent, id, wait }) => {
    hub.violations.clear();
    wait(1_000_000);
    await agent.sync("running-job", { job_id: id });
    wait(900);
    await agent.sync("running-job", { job_id: id });
  },
  "sync-late": async ({ hub, wait }) => {
    wait(15 * 60_000 + 1);
    await hub.clean();
  },
  "job-id-missing": ({ agent }) => agent.sync("running-job"),
  "job-id-wrong": ({ agent, hub }) => agent.sync("running-job", { job_id: hub.token }),
  "result-missing": (scene) => finish(scene, { job_result: "" }),
  "result-changed": async (scene) => {
    await push(scene.logger, 0, log);
    await finish(scene);
    await finish(scene, { job_result: "failed" });
  },
  "job-abandoned": ({ agent }) => agent.sync("waiting-for-jobs"),
  "disconnect-with-job": ({ agent }) => agent.disconnect(),
  "fetched-again": ({ agent, id }) => agent.fetch(id),
  "push-overlap": async ({ hub, logger }) => {
    hub.faults.add({ on: "log", kind: "delay", delayMs: 50, count: 1 });
    await Promise.all([push(logger, 0, log.slice(0, 1)), push(logger, 0, log.slice(0, 1))]);
    while (hub.violations.list.length === 0) await Bun.sleep(10);
  },
  "push-size": ({ logger }) => push(logger, 0, Array<string>(2001).fill(log[0]!)),
  "push-gap": ({ logger }) => push(logger, 1, log.slice(0, 1)),
  "push-back": async ({ logger }) => {
    await push(logger, 0, log.slice(0, 1));
    await push(logger, 1, log.slice(1, 2));
    await push(logger, 0, log.slice(0, 2));
  },
  "push-rewrite": async ({ logger }) => {
    await push(logger, 0, log.slice(0, 2));
    await push(logger, 0, [log[0]!, log[1]!.replace("make", "male")]);
  },
  "push-after-end": async (scene) => {
    await push(scene.logger, 0, log);
    await finish(scene);
    await push(scene.logger, log.length, log.slice(3));
  },
  "push-after-trim": async ({ logger }) => {
    const big = [log[0]!, log[1]!, ...Array<string>(40).fill(log[2]!)];
    await push(logger, 0, big);
    await push(logger, big.length, log.slice(3));
    await push(logger, big.length, log.slice(3));
  },
  "log-incomplete": async (scene) => {
    await push(scene.logger, 0, log.slice(0, 4));
    await finish(scene);
  },
  "event-invalid": ({ logger }) => push(logger, 0, ['{"event":"job_started","timestamp":null}']),
  "event-order": ({ logger }) => push(logger, 0, [log[0]!, log[2]!]),
};

test.each(Object.keys(rules) as Rule[])("a violation is recorded: %s", async (rule) => {
  const syncIntervalMs = rule === "sync-early" ? 500 : 0;
  await using scene = await createScene({ syncIntervalMs, logLimitBytes: 1000 });
  await violate[rule](scene);
  expect(new Set(found(scene.hub))).toEqual(new Set([rule]));
  expect(scene.hub.violations.list[0]).toMatchObject({
    agent: rule === "register-body" ? "other-agent" : "scripted-agent",
  });
});

const event = (fields: object): string => JSON.stringify({ timestamp: 1, ...fields });
const started = event({ event: "job_started" });
const command = event({ event: "cmd_started", directive: "a" });
const end = event({ event: "cmd_finished", directive: "a", exit_code: 0, started_at: 1, finished_at: 1 });

test.each([
  ["invalid JSON", ["{"], "event-invalid"],
  ["an unknown event", [event({ event: "job_paused" })], "event-invalid"],
  ["a null", [started, event({ event: "cmd_started", directive: null })], "event-invalid"],
  ["a fraction of a second", [event({ event: "job_started", timestamp: 1.5 })], "event-invalid"],
  ["an unknown key", [event({ event: "job_started", pid: 1 })], "event-invalid"],
  ["a log without job_started", [command], "event-order"],
  ["job_started twice", [started, started], "event-order"],
  ["a nested command", [started, command, command], "event-order"],
  ["a command that ends twice", [started, command, end, end], "event-order"],
  ["the end of a different command", [started, command, end.replace('"a"', '"b"')], "event-order"],
  [
    "job_finished with an open command",
    [started, command, event({ event: "job_finished", result: "failed" })],
    "event-order",
  ],
  [
    "an event after job_finished",
    [started, event({ event: "job_finished", result: "failed" }), command],
    "event-order",
  ],
])("a log violation is detected: %s", async (_, lines, rule) => {
  await using scene = await createScene();
  await push(scene.logger, 0, lines);
  expect(found(scene.hub)).toEqual([rule]);
});

test("a finished job or an interruption allows an early sync", async () => {
  await using scene = await createScene({ syncIntervalMs: 1000 });
  const { hub, agent, id, logger, wait } = scene;
  hub.violations.clear();
  wait(1000);
  await agent.sync("running-job", { job_id: id });
  await push(logger, 0, log);
  await agent.sync("running-job", { job_id: id, interrupted_at: 1_700_000_000 });
  await finish(scene, { interrupted_at: 1_700_000_000 });
  expect(hub.violations.list).toEqual([]);
  await agent.sync("waiting-for-jobs", { interrupted_at: 1_700_000_000 });
  expect(found(hub)).toEqual(["sync-early"]);
});

test("effects of injected faults are not violations", async () => {
  await using scene = await createScene({ syncIntervalMs: 1000 });
  const { hub, agent, id, logger, wait } = scene;
  hub.violations.clear();
  wait(1000);
  hub.faults.add({ on: "sync", kind: "drop-after", count: 1 });
  await agent.sync("running-job", { job_id: id }).catch(() => {});
  await agent.sync("running-job", { job_id: id });

  hub.faults.add({ on: "log", kind: "drop-after", count: 1 });
  await push(logger, 0, log.slice(0, 2)).catch(() => {});
  await push(logger, 0, log.slice(0, 4));
  await finish(scene);
  hub.faults.add({ on: "sync", kind: "status", count: 1 });
  wait(1000);
  await agent.sync("waiting-for-jobs");
  wait(3 * 60_000 + 1);
  hub.faults.add({ kind: "drop-before", count: 1 });
  await agent.sync("waiting-for-jobs").catch(() => {});
  await hub.clean();
  expect(hub.violations.list).toEqual([]);

  const next = await hub.submit("commands: []");
  const other = await createScriptedAgent(hub, { name: "other-agent" });
  await other.sync("waiting-for-jobs");
  hub.faults.add({ on: "fetch", kind: "cut", count: 1 });
  await other.fetch(next.id).catch(() => {});
  await other.fetch(next.id);
  expect(hub.violations.list).toEqual([]);
});

test("an agent may grow a retried batch, and may push until it learns that it was removed", async () => {
  await using scene = await createScene();
  const { hub, logger, wait } = scene;
  await push(logger, 0, log.slice(0, 2));
  await push(logger, 0, log.slice(0, 4));
  expect(hub.violations.list).toEqual([]);
  wait(15 * 60_000 + 1);
  await hub.clean();
  await push(logger, 4, log.slice(4));
  expect(found(hub)).toEqual(["sync-late"]);
});
