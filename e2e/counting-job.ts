import { expect } from "bun:test";
import { readFile } from "node:fs/promises";
import { inHome, type Scene } from "./agents.ts";
import { outline } from "./jobs.ts";

/** A job that notes that it has begun, and prints `line 1`, `line 2`, … */
export interface CountingJob {
  readonly commands: readonly string[];
  /** It passed, was begun once, and hub and disk have each of its lines once. */
  expectWhole(scene: Scene, id: string): Promise<void>;
}

export function createCountingJob(count: number, pauseSeconds: number): CountingJob {
  const loop = `for i in $(seq ${count}); do echo line $i; sleep ${pauseSeconds}; done`;
  const lines = Array.from({ length: count }, (_, i) => `line ${i + 1}\n`).join("");
  return {
    commands: ["echo -n 1 >> ran", loop],
    async expectWhole(scene, id) {
      expect((await scene.hub.done(id)).result).toBe("passed");
      const events = await scene.hub.log(id);
      expect(outline(events)[4]).toBe(`[${loop}] 0: ${lines}`);
      expect(await scene.keptLog(id)).toEqual(events);
      expect(await readFile(inHome(scene, "ran"), "utf8")).toBe("1");
      expect(await scene.hub.breaches()).toEqual([]);
    },
  };
}
