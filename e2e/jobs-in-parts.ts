import { expect } from "bun:test";
import type { Scene } from "./agents.ts";
import { outputOf } from "./jobs.ts";

/** A job in three parts. The first two wait, each for a file. */
export const parts = [
  "echo first; while [ ! -e go-1 ]; do sleep 0.05; done",
  "seq 1 60000; touch printed; while [ ! -e go-2 ]; do sleep 0.05; done",
  "echo third",
] as const;

/** Resolves to its id, when it has begun. */
export async function submitParts({ hub }: Scene, last: string = parts[2]): Promise<string> {
  const id = await hub.submit({ commands: [parts[0], parts[1], last] });
  await hub.shows(id, "first");
  return id;
}

/** Lets a part end. */
export async function go({ tester }: Scene, ...which: (1 | 2)[]): Promise<void> {
  for (const part of which) await tester.write(`go-${part}`, "");
}

/** A job that does nothing passes. */
export async function worksAgain({ hub }: Scene): Promise<void> {
  const id = await hub.submit({ commands: ["echo works again"] });
  expect((await hub.done(id)).result).toBe("passed");
  expect(outputOf(await hub.log(id), "echo works again")).toBe("works again\n");
}
