import { describe, expect, test } from "bun:test";
import type { JobSummary, JobUsage } from "../../src/core/contracts/job-summary.ts";
import type { ExecutorFactory } from "../../src/core/contracts/executor.ts";
import { createDummyExecutor } from "../../src/testing/index.ts";
import { commands, runJob } from "./fixtures.ts";

const figures: JobUsage = {
  cpuUserMs: 1234.4,
  cpuSystemMs: 250,
  peakMemoryBytes: 64 * 1024 * 1024,
  readBytes: 0,
  writtenBytes: 4096,
  oomKills: 1,
};

const using = (usage: () => Promise<JobUsage>): ExecutorFactory => ({
  create: (context) => ({ ...createDummyExecutor(context), usage }),
});

describe("the resource usage of a job", () => {
  test("is in its summary and in job:end, as integers", async () => {
    const ends: JobSummary[] = [];
    const { summary } = await runJob(
      { commands: commands("exit 0") },
      {
        executor: using(async () => figures),
        setup: (ctx) => ctx.hook("job:end", (event) => void ends.push(event)),
      },
    );
    expect(summary.usage).toEqual({ ...figures, cpuUserMs: 1234 });
    expect(ends[0]?.usage).toEqual(summary.usage);
  });

  test("is omitted when the executor reports no usage or invalid numbers", async () => {
    expect((await runJob({})).summary).not.toHaveProperty("usage");
    const odd = { cpuUserMs: Number.NaN, readBytes: -1, oomKills: Number.POSITIVE_INFINITY, more: 1 };
    const { summary } = await runJob({}, { executor: using(async () => odd) });
    expect(summary).not.toHaveProperty("usage");
    const partly = await runJob({}, { executor: using(async () => ({ ...odd, writtenBytes: 1 })) });
    expect(partly.summary.usage).toEqual({ writtenBytes: 1 });
  });

  test.each([
    ["fails", () => Promise.reject(new Error("no figures")), "no figures"],
    ["never answers", () => new Promise<JobUsage>(() => {}), "did not answer within 2 s"],
  ])("costs the job nothing when the executor %s", async (_, usage, message) => {
    const { summary, logs } = await runJob({ commands: commands("exit 0") }, { executor: using(usage) });
    expect(summary.result).toBe("passed");
    expect(summary).not.toHaveProperty("usage");
    expect(logs.filter(({ level }) => level === "warn").map((entry) => entry.message)).toEqual([
      expect.stringContaining(message),
    ]);
  });
});

describe("job-report", () => {
  const settings = { jobReport: true };

  test("adds a block with the usage at the end of the log", async () => {
    const { blocks } = await runJob(
      { commands: commands("exit 1") },
      { settings, executor: using(async () => figures) },
    );
    expect(blocks.at(-1)?.replace(/\d+\.\d s\n/, "0.0 s\n")).toBe(
      `Job report → 0: wall time      0.0 s
CPU time       1.2 s user, 0.3 s system
peak memory    64.0 MiB
storage        0 bytes read, 4.0 KiB written
out of memory  1 process was killed
`,
    );
  });

  test("has only the time when the executor reports no usage or did not start", async () => {
    for (const directive of ["exit 0", "fail start"]) {
      const { blocks } = await runJob({ commands: commands(directive) }, { settings });
      expect(blocks.at(-1)).toMatch(/^Job report → 0: wall time {6}\d+\.\d s\n$/);
    }
  });

  test("is added after a stop", async () => {
    const { blocks, summary } = await runJob(
      { commands: commands("print begun", "sleep 60") },
      { settings, stopAt: "begun" },
    );
    expect(summary.result).toBe("stopped");
    expect(blocks.at(-1)).toStartWith("Job report → 0: ");
  });

  test("is not added by default", async () => {
    const { blocks } = await runJob({}, { executor: using(async () => figures) });
    expect(blocks.join("")).not.toContain("Job report");
  });
});
