import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AgentStatus } from "signalman";
import { takeLock } from "signalman/host";
import { tmpdir } from "signalman/testing";
import { createRunningJobs } from "./running-jobs.ts";

/** An agent's directory with jobs whose processes run, or are dead. */
async function scene(jobs: Readonly<Record<string, "running" | "dead">>) {
  const stack = new AsyncDisposableStack();
  const tmp = stack.use(await tmpdir());
  for (const [id, state] of Object.entries(jobs)) {
    const directory = join(tmp.path, "slot-0", "jobs", id);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "events.ndjson"), "");
    const lock = takeLock(join(directory, "lock"))!;
    if (state === "running") stack.use(lock);
    else lock[Symbol.dispose]();
    if (state === "dead") writeFileSync(join(directory, "lock"), "");
  }
  const shown: { slot: number; state: "running" | "waiting"; job?: { id: string; phase: string } }[] = [];
  const status = () =>
    ({
      version: "1",
      pid: 1,
      startedAt: 0,
      stateDirectory: tmp.path,
      slots: shown,
    }) as unknown as AgentStatus;
  return { running: createRunningJobs(status), shown, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("a job that an earlier agent left counts before it is claimed, one whose process is dead does not", async () => {
  await using at = await scene({ left: "running", dead: "dead" });
  expect(["left", "dead", "unknown"].map(at.running.has)).toEqual([true, false, false]);
});

test("a job of this agent counts while it runs, and not while its log is delivered", async () => {
  await using at = await scene({});
  const job = { id: "own", phase: "running" };
  at.shown.push({ slot: 0, state: "running", job });
  expect(at.running.has("own")).toBe(true);
  job.phase = "flushing";
  expect(at.running.has("own")).toBe(false);
});

test("a left job that was claimed is dead once its slot has another one", async () => {
  await using at = await scene({ left: "running" });
  at.shown.push({ slot: 0, state: "running", job: { id: "left", phase: "running" } });
  at.running.take("left");
  expect(at.running.has("left")).toBe(true);
  at.shown.pop();
  expect(at.running.has("left")).toBe(false);
});
