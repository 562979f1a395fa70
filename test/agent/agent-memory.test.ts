import { expect, test } from "bun:test";
import type { JobRequest } from "signalman";
import { createAgentMemory } from "../../src/agent/agent-memory.ts";

const toEvent = (id: string) => ({ job: { id } as JobRequest });

test("memory is given back after the start and after the last job", async () => {
  let releases = 0;
  const released: (() => void)[] = [];
  const release = () => {
    releases += 1;
    for (const resolve of released.splice(0)) resolve();
  };
  const next = () => new Promise<void>((resolve) => released.push(resolve));
  using memory = createAgentMemory({ idleMs: 1, release });
  const { listener } = memory;

  const first = next();
  void listener["agent:registered"]?.({ slot: 0, name: "a", controlPlane: "b" });
  await first;
  expect(releases).toBe(1);

  void listener.jobFollowed?.(toEvent("one"));
  void listener.jobFollowed?.(toEvent("two"));
  void listener.jobReleased?.(toEvent("one"));
  await Bun.sleep(20);
  expect(releases).toBe(1);

  const second = next();
  void listener.jobReleased?.(toEvent("two"));
  await second;
  expect(releases).toBe(2);
});

test("memory is given back after many jobs, although one always runs", () => {
  let releases = 0;
  using memory = createAgentMemory({ idleMs: 1e6, everyJobs: 3, release: () => (releases += 1) });
  const { listener } = memory;

  void listener.jobFollowed?.(toEvent("long"));
  const counts = Array.from({ length: 7 }, (_, index) => {
    void listener.jobFollowed?.(toEvent(`short-${index}`));
    void listener.jobReleased?.(toEvent(`short-${index}`));
    return releases;
  });
  expect(counts).toEqual([0, 0, 1, 1, 1, 2, 2]);
});
