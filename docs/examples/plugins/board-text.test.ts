import { expect, test } from "bun:test";
import { type JobBoard, jobBoardViewer } from "signalman";
import { testPlugin } from "signalman/testing";
import boardText from "./board-text.ts";

test("slots and jobs are shown as they stand", async () => {
  await using t = await testPlugin(boardText, { config: { port: 0 } });
  const jobs: ReturnType<JobBoard["read"]>["jobs"][number][] = [];
  const agents = [
    { name: "slot-1", state: "paused", reason: "disk full", isDraining: false, version: "1" },
  ] as const;
  const board: JobBoard = { kind: "agent", read: () => ({ agents, jobs }), openLog: () => undefined };
  const url = await t.use(jobBoardViewer, "board-text").open(board);
  expect(await (await fetch(url)).text()).toBe("paused    slot-1 disk full\n");
  jobs.push({ id: "a-job", name: "tests", state: "finished", result: "failed", log: { bytes: 0 } });
  expect(await (await fetch(url)).text()).toBe("paused    slot-1 disk full\nfailed    a-job tests\n");
});
