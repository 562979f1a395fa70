import { describe, expect, test } from "bun:test";
import type { AgentStatus, SlotStatus } from "../../src/core/contracts/agent-status.ts";
import { renderStatus } from "../../src/cli/output/agent-status.ts";

const now = 1_000_000_000_000;
const ago = (seconds: number) => now - seconds * 1000;

const agent = (...slots: Partial<SlotStatus>[]): AgentStatus => ({
  version: "1.2.3",
  pid: 42,
  startedAt: ago(3 * 3600 + 7 * 60),
  stateDirectory: "/state/agents/one",
  slots: slots.map((one, slot) => ({ slot, state: "waiting", ...one })),
});

const job = (change: object = {}): Pick<SlotStatus, "job"> => ({
  job: {
    id: "a-job",
    executor: "shell",
    startedAt: ago(187),
    phase: "running",
    log: { producedBytes: 1_500_000, deliveredBytes: 1_500_000, deliveredEvents: 9 },
    ...change,
  },
});

const lines = (...slots: Partial<SlotStatus>[]) => renderStatus(agent(...slots), now);
const row = (slot: Partial<SlotStatus>) => lines(slot)[2]!.replaceAll(/ {2,}/g, " | ");

test("an agent is shown on a line, and its slots in a table", () => {
  const sync = { succeededAt: ago(3), durationMs: 5, failures: 0 };
  expect(
    lines({ name: "agent-1", state: "running", sync, ...job() }, { name: "agent-2", state: "starting" }),
  ).toEqual([
    "signalman 1.2.3, pid 42, up 3 h 7 min, state in /state/agents/one",
    "slot  name     state     last sync  job",
    "1     agent-1  running   3 s ago    a-job  shell, 3 min 7 s, log 1.4 MiB",
    "2     agent-2  starting",
  ]);
});

test("a pause is shown with its reason, its end and the plugin, and faults of checks below", () => {
  const paused = {
    reason: "less than 5 GiB are free on /",
    until: "6 GiB are free",
    plugin: "disk",
    since: ago(187),
  };
  const shown = lines(
    { state: "paused", paused },
    { admissionFaults: ['plugin "a" failed', 'plugin "b" failed'] },
  );
  expect(shown.slice(2)).toEqual([
    "1           paused",
    "2           waiting",
    "slot 1 has been paused for 3 min 7 s: less than 5 GiB are free on /, until 6 GiB are free (plugin disk)",
    'slot 2: plugin "a" failed',
    'slot 2: plugin "b" failed',
  ]);
});

describe("a slot", () => {
  test.each<[string, Partial<SlotStatus>]>([
    ["1 | waiting, draining: interrupted", { draining: "interrupted" }],
    ["1 | left: idle", { state: "left", reason: "idle", draining: "idle" }],
    ["1 | failed", { state: "failed", draining: "requested" }],
    ["1 | waiting | never, 2 failed", { sync: { durationMs: 1, failures: 2 } }],
    ["1 | waiting | 1 min 0 s ago, 1 failed", { sync: { succeededAt: ago(60), durationMs: 1, failures: 1 } }],
    ["1 | waiting | 0 s ago", { sync: { succeededAt: now + 5000, durationMs: 1, failures: 0 } }],
    ["1 | waiting | 2 d 5 h ago", { sync: { succeededAt: ago(53 * 3600), durationMs: 1, failures: 0 } }],
    [
      "1 | flushing | a-job | shell, 3 min 7 s, log 1.4 MiB",
      { state: "running", ...job({ phase: "flushing" }) },
    ],
    [
      "1 | reporting, draining: requested | a-job | shell, 3 min 7 s, log 1.4 MiB",
      { state: "running", draining: "requested", ...job({ phase: "reporting" }) },
    ],
    [
      "1 | running | a-job | shell, 3 min 7 s, log 999 bytes, 1.1 GiB waiting",
      {
        state: "running",
        ...job({ log: { producedBytes: 1_200_000_999, deliveredBytes: 999, deliveredEvents: 1 } }),
      },
    ],
  ])("%s", (shown, slot) => {
    expect(row(slot)).toBe(shown);
  });
});

test("errors are shown below the table, with their slots", () => {
  const sync = { durationMs: 1, failures: 1, error: "connection refused" };
  expect(lines({ sync }, { state: "failed", error: "the name is refused" }).slice(-2)).toEqual([
    "slot 1: connection refused",
    "slot 2: the name is refused",
  ]);
});

test("listeners that hang are shown below the table", () => {
  const status = { ...agent({}), hangingHooks: [{ plugin: "slow", hook: "job:start", startedAt: ago(70) }] };
  expect(renderStatus(status, now).at(-1)).toBe("plugin slow has not returned from job:start for 1 min 10 s");
});

test("untrusted text is shown on one line, without control characters", () => {
  const error = `first\nsecond \u001b[2J${"x".repeat(500)}`;
  const shown = lines({ name: "evil\u001b[1m", sync: { durationMs: 1, failures: 1, error } });
  expect(shown[2]).toContain("evil␛[1m");
  expect(shown.at(-1)).toStartWith("slot 1: first ⏎ second ␛[2Jxxx");
  expect(shown.at(-1)!.length).toBeLessThan(220);
});

test("plugins are shown with what they report, on a line each", () => {
  const plugins = [
    { plugin: "cache", text: "120 MB" },
    { plugin: "vault", text: "sealed\u001b[2J\nsince yesterday", ready: false },
  ] as const;
  expect(renderStatus({ ...agent({}), plugins }, now).slice(3)).toEqual([
    "plugin cache: 120 MB",
    "plugin vault (not ready): sealed␛[2J ⏎ since yesterday",
  ]);
});
