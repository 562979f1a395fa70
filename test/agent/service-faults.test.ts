import { expect, test } from "bun:test";
import { definePlugin, executor, executorWrapper, logBackend } from "../../src/index.ts";
import { findServiceFaults, isForJobsOnly } from "../../src/agent/service-faults.ts";
import type { CoreConfig } from "../../src/agent/options/index.ts";
import { createDummyLogBackend, dummyExecutor, testPlugin } from "../../src/testing/index.ts";

const shell = definePlugin({
  name: "tools",
  setup(ctx) {
    ctx.provide(executor, "shell", dummyExecutor);
    ctx.provide(logBackend, "push", createDummyLogBackend());
  },
});

const wrapping = (name: string, executors: readonly string[]) =>
  definePlugin({
    name,
    runsIn: ["job"],
    setup: (ctx) => ctx.provide(executorWrapper, name, { executors, wrap: () => ({}) }),
  });

const toConfig = (given: Partial<CoreConfig>): CoreConfig =>
  ({ executors: {}, "log-methods": {}, ...given }) as CoreConfig;

test("names that a plugin provides are no faults", async () => {
  await using host = await testPlugin(shell, { with: [wrapping("good", ["shell"])] });
  const core = toConfig({ executors: { dockercompose: "shell" }, "log-methods": { pull: "push" } });
  expect(findServiceFaults({ host, jobHost: host }, core)).toEqual([]);
});

test("unknown executors, log methods and wrapped executors are found, each with the nearest name", async () => {
  await using host = await testPlugin(shell);
  await using jobHost = await testPlugin(wrapping("bad", ["shel"]), { roles: ["job"] });
  const core = toConfig({ executors: { shell: "shlel" }, "log-methods": { push: "pusch" } });
  expect(findServiceFaults({ host, jobHost }, core)).toEqual([
    'executors.shell: no executor named "shlel" (nearest: shell)',
    'log-methods.push: no log-backend named "pusch" (nearest: push)',
    'plugin "bad": executor-wrapper "bad" wraps an unknown executor: "shel" (nearest: shell)',
  ]);
});

test("two executors that take all jobs are a fault", async () => {
  const taking = (name: string) =>
    definePlugin({
      name,
      setup: (ctx) => ctx.provide(executor, name, { ...dummyExecutor, takesAllJobs: true }),
    });
  await using host = await testPlugin(taking("one"), { with: [taking("other")] });
  const [fault, ...others] = findServiceFaults({ host, jobHost: host }, toConfig({}));
  expect(others).toEqual([]);
  expect(fault).toContain('executors "other" and "one" each take all jobs');
});

test("plugins from outside that run in jobs only are set up by an agent to find their faults", () => {
  const file = { kind: "file", specifier: "./a.ts", path: "/a.ts" } as const;
  const entry = (runsIn?: readonly ("agent" | "job")[]) => ({
    plugin: { name: "a", ...(runsIn && { runsIn }) },
    origin: file,
  });
  expect(isForJobsOnly(entry(["job"]))).toBe(true);
  for (const runsIn of [undefined, [], ["agent"], ["agent", "job"]] as const) {
    expect(isForJobsOnly(entry(runsIn))).toBe(false);
  }
  expect(isForJobsOnly({ ...entry(["job"]), origin: { kind: "built-in" } })).toBe(false);
});
