import { describe, expect, test } from "bun:test";
import type { Executor } from "../../src/core/contracts/executor.ts";
import { createDummyExecutor } from "../../src/testing/index.ts";
import { commands, runJob } from "./fixtures.ts";

/** Runs a job whose executor never resolves from these methods. It is stopped at the block, if there is one. */
async function runStuck(methods: readonly (keyof Executor)[], stopAt?: string) {
  const result = await runJob(
    { commands: commands("print one"), files: [] },
    {
      settings: { stopGraceMs: 50 },
      executorLimits: { callMs: 50, disposalMs: 100 },
      executor: {
        create(context) {
          const never = () => new Promise<never>(() => {});
          const own = Object.fromEntries(methods.map((method) => [method, never]));
          const start = () => context.log.command("calling", () => 0).then(never);
          if (methods.includes("start")) Object.assign(own, { start });
          return { ...createDummyExecutor(context), ...own };
        },
      },
      ...(stopAt !== undefined && { stopAt }),
    },
  );
  return { ...result, messages: result.logs.map(({ message }) => message) };
}

const toError = (method: string) =>
  `plugin "provider" did not return from executor "shell".${method} within 50 ms after the grace period`;

describe("an executor that never resolves", () => {
  test.each([
    ["start", "calling"],
    ["exportEnvironment", "Exporting environment"],
    ["injectFiles", "Injecting Files"],
    ["run", "print one"],
  ] as const)(
    "from %s: a stop ends the job, with all blocks closed, and names the plugin",
    async (method, at) => {
      const { summary, events, messages } = await runStuck([method, "stop", Symbol.asyncDispose], at);
      expect(summary.result).toBe("stopped");
      expect(events.at(-1)).toMatchObject({ event: "job_finished", result: "stopped" });
      expect(messages).toContain(toError(method));
      expect(messages).toContain(toError("asyncDispose"));
    },
  );

  test("from the disposal: the job passes, and the plugin is named", async () => {
    const { summary, messages } = await runStuck([Symbol.asyncDispose]);
    expect(summary.result).toBe("passed");
    expect(messages).toContain(toError("asyncDispose"));
  });
});
