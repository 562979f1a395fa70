import { expect } from "bun:test";
import { readFile } from "node:fs/promises";
import { inHome, type Scene } from "./agents.ts";
import { outline, until } from "./jobs.ts";

/** A job that prints `line 1`, `line 2`, … and appends a character to the file `ran` when it starts. */
export interface CountingJob {
  readonly commands: readonly string[];
  /**
   * Expects that the job ran once and passed, and that hub and disk have each of its lines once. `latePushes`:
   * only the disk, since the network may deliver a request after the agent has repeated it, and a server cuts
   * its log at the older `start_from` (protocol section 4).
   */
  expectComplete(scene: Scene, id: string, expected?: { readonly latePushes: boolean }): Promise<void>;
}

export function createCountingJob(count: number, pauseSeconds: number): CountingJob {
  const loop = `for i in $(seq ${count}); do echo line $i; sleep ${pauseSeconds}; done`;
  const lines = Array.from({ length: count }, (_, i) => `line ${i + 1}\n`).join("");
  return {
    commands: ["echo -n 1 >> ran", loop],
    async expectComplete(scene, id, { latePushes } = { latePushes: false }) {
      expect((await scene.hub.done(id)).result).toBe("passed");
      const kept = await scene.keptLog(id);
      expect(outline(kept)[4]).toBe(`[${loop}] 0: ${lines}`);
      expect(await readFile(inHome(scene, "ran"), "utf8")).toBe("1");
      if (latePushes) return;
      await until("the hub has the whole log", async () => (await scene.hub.log(id)).length === kept.length);
      expect(await scene.hub.log(id)).toEqual(kept);
      expect(await scene.hub.violations()).toEqual([]);
    },
  };
}
