import { expect, test } from "bun:test";
import { createStatusBoard } from "../../src/agent/status-board.ts";

test("secrets are masked in what sources and plugins have worded", async () => {
  const hide = (text: string): string => text.replaceAll("hunter2", "[REDACTED]");
  const board = createStatusBoard({ version: "test", stateDirectory: "/nonexistent", hide });
  const listener = board.slot(0);
  const pause = { slot: 0, plugin: "guard", reason: "hunter2 is full", since: 1 };
  await listener["agent:registered"]?.({ slot: 0, name: "a-builder", controlPlane: "acme.test" });
  await listener["agent:synced"]?.({ slot: 0, durationMs: 1, error: "401 for hunter2" });
  await listener["agent:paused"]?.(pause);
  await listener.admissionFaults?.({ faults: ["guard: no answer from hunter2"] });
  const paused = board.read();
  await listener.failed?.({ error: "no token hunter2" });
  expect(JSON.stringify([paused, board.read()])).not.toContain("hunter2");
  expect(paused.slots).toMatchObject([
    {
      slot: 0,
      name: "a-builder",
      paused: { plugin: "guard", reason: "[REDACTED] is full", since: 1 },
      sync: { error: "401 for [REDACTED]", failures: 1 },
      admissionFaults: ["guard: no answer from [REDACTED]"],
    },
  ]);
  expect(board.read().slots).toMatchObject([{ state: "failed", error: "no token [REDACTED]" }]);
});
