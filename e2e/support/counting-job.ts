import { expect } from "bun:test";
import { readFile } from "node:fs/promises";
import { inHome, type Scene } from "./agents.ts";
import { outline, until } from "./jobs.ts";

/** A job that prints `line 1`, `line 2`, … and appends a character to the file `ran` when it starts. */
export interface CountingJob {
  readonly commands: readonly string[];
  /** Expects that the job ran once and passed, and that hub and disk have each of its lines once. */
  expectComplete(scene: Scene, id: string): Promise<void>;
}

export function createCountingJob(count: number, pauseSeconds: number): CountingJob {
  const loop = `for i in $(seq ${count}); do echo line $i; sleep ${pauseSeconds}; done`;
  const lines = Array.from({ length: count }, (_, i) => `line ${i + 1}\n`).join("");
  return {
    commands: ["echo -n 1 >> ran", loop],
    async expectComplete(scene, id) {
      expect((await scene.hub.done(id)).result).toBe("passed");
      await until(
        "the hub has the whole log",
        async () => outline(await scene.hub.log(id)).at(-1) === "end passed",
      );
      const events = await scene.hub.log(id);
      expect(outline(events)[4]).toBe(`[${loop}] 0: ${lines}`);
      expect(await scene.keptLog(id)).toEqual(events);
      expect(await readFile(inHome(scene, "ran"), "utf8")).toBe("1");
      expect(await scene.hub.violations()).toEqual([]);
    },
  };
}
