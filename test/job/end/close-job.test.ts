import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JobEvent } from "../../../src/core/contracts/job-events.ts";
import { closeJob } from "../../../src/job/end/close-job.ts";
import { jobFiles } from "../../../src/job/state/job-files.ts";
import { tmpdir } from "../../../src/testing/fixtures.ts";
import { eventsIn } from "../log/fixtures.ts";

const startOfLog: JobEvent = { event: "job_started", timestamp: 1 };

function closeLogOf(directory: string, events: readonly JobEvent[]) {
  writeFileSync(
    join(directory, jobFiles.spool),
    events.map((event) => `${JSON.stringify(event)}\n`).join(""),
  );
  return closeJob({ directory, jobId: "job", reason: "the job's process died", kind: "died", arrival: {} });
}

test.each(["passed", "stopped", "failed"] as const)(
  "a job whose process died after its log had ended with %s has that result",
  async (result) => {
    await using tmp = await tmpdir();
    const events: JobEvent[] = [startOfLog, { event: "job_finished", timestamp: 2, result }];
    const { summary } = closeLogOf(tmp.path, events);
    expect(summary.result).toBe(result);
    expect(eventsIn(join(tmp.path, jobFiles.spool))).toEqual(events);
  },
);

test("a job whose process died before the end of its log has failed, and the log gives the reason", async () => {
  await using tmp = await tmpdir();
  const { summary } = closeLogOf(tmp.path, [startOfLog]);
  expect(summary.result).toBe("failed");
  const events = eventsIn(join(tmp.path, jobFiles.spool));
  expect(events.at(-1)).toMatchObject({ event: "job_finished", result: "failed" });
  expect(JSON.stringify(events)).toContain(
    "[signalman: the job's process died; the job is reported as failed]",
  );
});
