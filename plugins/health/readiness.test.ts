import { expect, test } from "bun:test";
import type { SlotStatus } from "signalman";
import { startHealth } from "./testing/scene.ts";

const now = Date.now();
const synced = { succeededAt: now, durationMs: 3, failures: 0 };
const failing = { ...synced, failures: 2, error: "connection refused" };

const paused = { reason: "the disk is full", plugin: "disk-guard", since: now };

const cases: readonly [string, Partial<SlotStatus>[], string[]][] = [
  ["a slot that waits", [{ sync: synced }], []],
  ["a slot with a job", [{ state: "running", sync: synced }], []],
  ["no slot yet", [], ["not-registered"]],
  ["a slot that is not registered", [{ state: "starting" }], ["not-registered 0"]],
  ["a second slot that is not registered", [{ sync: synced }, { state: "starting" }], ["not-registered 1"]],
  ["a slot that could not start", [{ sync: synced }, { state: "failed", error: "boom" }], ["failed 1"]],
  ["a sync that failed", [{ sync: failing }], ["sync-failed 0"]],
  ["a sync too long ago", [{ sync: { ...synced, succeededAt: now - 120_000 } }], ["sync-late 0"]],
  ["a slot that drains", [{ draining: "requested", sync: synced }], ["draining"]],
  ["one slot that drains, and another", [{ draining: "requested", sync: failing }, { sync: synced }], []],
  [
    "one slot that shut down regularly, and another",
    [{ state: "left", reason: "idle" }, { sync: synced }],
    [],
  ],
  ["slots that are all shut down", [{ state: "left", reason: "idle", draining: "idle" }], ["draining"]],
  ["a paused slot", [{ state: "paused", paused, sync: failing }], ["paused 0"]],
  ["a paused slot, and another", [{ state: "paused", paused }, { sync: synced }], []],
  ["a paused slot that finishes its job", [{ state: "running", paused, sync: synced }], ["paused 0"]],
  ["a paused slot that drains", [{ state: "paused", paused, draining: "requested" }], ["draining"]],
  [
    "one slot that lost contact to its control plane",
    [{ state: "left", reason: "unable-to-sync" }, { sync: synced }],
    ["lost 0"],
  ],
];

test.each(cases)("an agent with %s", async (_, slots, reasons) => {
  await using health = await startHealth();
  health.setSlots(...slots);
  const answer = await health.get("/readyz");
  const body = (await answer.json()) as { ready: boolean; reasons: { reason: string; slot?: number }[] };
  expect(body.reasons.map(({ reason, slot }) => [reason, slot].join(" ").trim())).toEqual(reasons);
  expect([answer.status, body.ready]).toEqual(reasons.length === 0 ? [200, true] : [503, false]);
});

test("a failed sync is reported with its reason", async () => {
  await using health = await startHealth();
  health.setSlots({ sync: failing });
  expect(await (await health.get("/readyz")).json()).toEqual({
    ready: false,
    reasons: [{ reason: "sync-failed", slot: 0, message: "the last sync failed: connection refused" }],
  });
});

test("a pause is reported with the plugin, its reason and its end", async () => {
  await using health = await startHealth();
  health.setSlots({ state: "paused", paused: { ...paused, until: "6 GiB are free" } });
  expect(await (await health.get("/readyz")).json()).toEqual({
    ready: false,
    reasons: [
      {
        reason: "paused",
        slot: 0,
        message: 'plugin "disk-guard": the disk is full, until 6 GiB are free',
      },
    ],
  });
});

test("a newly registered slot has time for its first sync", async () => {
  await using health = await startHealth();
  expect((await health.get("/readyz")).status).toBe(503);
  await health.t.call("agent:registered", { slot: 0 });
  expect((await health.get("/readyz")).status).toBe(200);
});

test("the maximum age of a sync is an option", async () => {
  await using health = await startHealth(undefined, { "sync-age": 600 });
  health.setSlots({ sync: { ...synced, succeededAt: now - 120_000 } });
  expect((await health.get("/readyz")).status).toBe(200);
});

test("a plugin that is not ready is named, and keeps every agent from being ready", async () => {
  await using health = await startHealth();
  health.setSlots({ sync: synced });
  health.setPlugins(
    { plugin: "cache", text: "120 MB" },
    { plugin: "vault", text: "the vault is sealed", ready: false },
  );
  const answer = await health.get("/readyz");
  expect([answer.status, await answer.json()]).toEqual([
    503,
    { ready: false, reasons: [{ reason: "plugin", plugin: "vault", message: "the vault is sealed" }] },
  ]);
  health.setPlugins({ plugin: "vault", text: "the vault is open" });
  expect((await health.get("/readyz")).status).toBe(200);
});

test("a plugin that is not ready is named before a slot has started, and while the agent drains", async () => {
  await using health = await startHealth();
  health.setPlugins({ plugin: "vault", text: "sealed", ready: false });
  const reasons = async () => {
    const body = (await (await health.get("/readyz")).json()) as { reasons: { reason: string }[] };
    return body.reasons.map(({ reason }) => reason);
  };
  health.setSlots();
  expect(await reasons()).toEqual(["not-registered", "plugin"]);
  health.setSlots({ draining: "requested" });
  expect(await reasons()).toEqual(["plugin", "draining"]);
});
