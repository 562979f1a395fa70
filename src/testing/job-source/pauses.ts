import { expect } from "bun:test";
import { factsOf, type JobSourceSubject } from "./scene.ts";

/** A source whose slot is paused claims no job, and ends like any other. */
export function testPauses(subject: JobSourceSubject): void {
  const fact = factsOf(subject);

  fact("takes no job while it is paused, and takes it when it is resumed", async (scene) => {
    const jobId = await scene.plane.submit();
    const source = scene.start([], { isPaused: true });
    await giveTime();
    source.resume();
    const job = await source.jobs.at(0);
    job.finish("passed");
    expect(await scene.reported(1)).toEqual([{ jobId, result: "passed" }]);
    source.drain();
    await source.reason;
    expect(source.startedInPause).toEqual([]);
  });

  fact("finishes its job when it is paused, and takes the next one when it is resumed", async (scene) => {
    const jobId = await scene.plane.submit();
    const source = scene.start();
    const job = await source.jobs.at(0);
    source.pause();
    const nextId = await scene.plane.submit();
    job.finish("passed");
    expect(await scene.reported(1)).toEqual([{ jobId, result: "passed" }]);
    await giveTime();
    expect(job.stops).toBe(0);
    source.resume();
    (await source.jobs.at(1)).finish("failed");
    expect(await scene.reported(2)).toContainEqual({ jobId: nextId, result: "failed" });
    source.drain();
    await source.reason;
    expect(source.startedInPause).toEqual([]);
    expect(source.jobs.mostHeld).toBe(1);
    expect(await source.prematureReleases()).toEqual([]);
  });

  for (const [request, reason] of [
    ["interrupt", "interrupted"],
    ["drain", "idle"],
  ] as const) {
    fact(`ends after the ${request} of a paused slot`, async ({ start }) => {
      const source = start();
      await source.synced;
      source.pause();
      if (request === "drain") source.drain("idle");
      else source.interrupt();
      expect(await source.reason).toBe(reason);
      expect(source.drains).toEqual([reason]);
    });

    fact(`ends after the ${request} of a slot that is paused from the start`, async ({ start }) => {
      const source = start([], { isPaused: true });
      if (request === "drain") source.drain("idle");
      else source.interrupt();
      expect(await source.reason).toBe(reason);
      expect(source.jobs.all).toHaveLength(0);
    });
  }

  fact("hands over while it is paused", async ({ start }) => {
    const source = start([], { isPaused: true });
    source.handOver();
    await source.reason;
    expect(source.drains).toEqual([]);
  });
}

/** Time for a source that ignores the pause to claim a job; one that respects it passes however slow it is. */
const giveTime = () => Bun.sleep(100);
