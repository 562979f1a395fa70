import { expect, test } from "bun:test";
import type { ExecutorContext } from "../../src/core/contracts/executor.ts";
import { logFilter } from "../../src/core/contracts/services.ts";
import { createExecutorProgress } from "../../src/cli/job-view/progress.ts";
import { createDummyExecutor } from "../../src/testing/index.ts";
import { runJob, secretMask } from "./fixtures.ts";

/** The dummy executor, which reads what is shown of its start. */
const starting = (read: () => unknown, seen: unknown[]) => ({
  create(context: ExecutorContext) {
    const dummy = createDummyExecutor(context);
    return {
      ...dummy,
      start(signal: AbortSignal) {
        using _shown = context.showProgress(() => "Unschedulable: no node for s3cret");
        seen.push(read());
        return dummy.start(signal);
      },
    };
  },
});

test("what an executor shows of its progress has the job's secrets masked, and ends with the step", async () => {
  const progress = createExecutorProgress();
  const seen: unknown[] = [];
  const { summary } = await runJob(
    {},
    {
      executor: starting(progress.read, seen),
      showProgress: progress.show,
      setup: (ctx) => ctx.provide(logFilter, "mask", secretMask),
    },
  );
  expect(summary.result).toBe("passed");
  expect(seen).toEqual(["Unschedulable: no node for [MASKED]"]);
  expect(progress.read()).toBeUndefined();
});

test("an agent shows none, and the step goes on", async () => {
  const seen: unknown[] = [];
  const { summary } = await runJob({}, { executor: starting(() => "read", seen) });
  expect([summary.result, seen]).toEqual(["passed", ["read"]]);
});
