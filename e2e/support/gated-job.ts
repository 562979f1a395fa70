import { expect } from "bun:test";
import type { Scene } from "./agents.ts";
import { outline, outputOf } from "./jobs.ts";

/** The commands of a job; the first two each wait for a file. */
export const gatedCommands = [
  "echo first; while [ ! -e go-1 ]; do sleep 0.05; done",
  "seq 1 60000; touch printed; while [ ! -e go-2 ]; do sleep 0.05; done",
  "echo third",
] as const;

/** Submits the job and resolves with its id once it has started. */
export async function submitGatedJob({ hub }: Scene, last: string = gatedCommands[2]): Promise<string> {
  const id = await hub.submit({ commands: [gatedCommands[0], gatedCommands[1], last] });
  await hub.shows(id, "first");
  return id;
}

/** Creates the files that the commands wait for. */
export async function openGates({ tester }: Scene, ...gates: (1 | 2)[]): Promise<void> {
  for (const gate of gates) await tester.write(`go-${gate}`, "");
}

/** Expects that the agent runs a job. */
export async function expectJobPasses({ hub }: Scene): Promise<void> {
  const id = await hub.submit({ commands: ["echo runs"] });
  const { result } = await hub.done(id);
  const log = await hub.log(id);
  // The log of a job that has not passed has the reason.
  expect({ result, log: result === "passed" ? [] : outline(log) }).toEqual({ result: "passed", log: [] });
  expect(outputOf(log, "echo runs")).toBe("runs\n");
}

/**
 * Removes the state directory at once: a log that alone is missing from its directory counts as changed by the
 * job, and an agent may write into the directory while it is emptied.
 */
export async function removeState({ tester, stateDirectory }: Scene): Promise<void> {
  await tester.exec(["mv", stateDirectory, `${stateDirectory}.removed`]);
}
