import { describe, expect, test } from "bun:test";
import type { ExecutorFactory } from "../../src/core/contracts/executor.ts";
import type { JobLimits, JobUser } from "../../src/core/contracts/executor-options.ts";
import type { Host } from "../../src/core/contracts/host.ts";
import { definePlugin } from "../../src/core/contracts/plugin.ts";
import { executor } from "../../src/core/contracts/services.ts";
import { createHost } from "../../src/core/host/host.ts";
import { chooseExecutor, findExecutor, prepareLimits } from "../../src/job/choose-executor.ts";
import { createRecordingLogger, dummyExecutor } from "../../src/testing/index.ts";
import { commands, runJob } from "./fixtures.ts";

describe("the executor of a job", () => {
  test("is the one that the job asks for", async () => {
    await using host = await openHost({ shell: {}, docker: {} });
    expect(chooseExecutor("docker", { host, executors: {} }).name).toBe("docker");
  });

  test("is the one that the configuration puts in its place", async () => {
    await using host = await openHost({ shell: {}, sandbox: {} });
    expect(chooseExecutor("shell", { host, executors: { shell: "sandbox" } }).name).toBe("sandbox");
  });

  test("is the one that takes all jobs, whatever the job asks for and the configuration says", async () => {
    await using host = await openHost({ shell: {}, cluster: { takesAllJobs: true } });
    const choose = (wanted: string) => chooseExecutor(wanted, { host, executors: { shell: "shell" } }).name;
    expect(["shell", "dockercompose"].map(choose)).toEqual(["cluster", "cluster"]);
  });

  test("is refused when two executors take all jobs", async () => {
    await using host = await openHost({ a: { takesAllJobs: true }, b: { takesAllJobs: true } });
    expect(() => chooseExecutor("shell", { host, executors: {} })).toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringContaining('"a" and "b"') }),
    );
  });

  test("is unknown when no plugin provides it", async () => {
    await using host = await openHost({ shell: {} });
    expect(findExecutor("docker", { host, executors: {} })).toEqual({ name: "docker", factory: undefined });
    expect(() => chooseExecutor("docker", { host, executors: {} })).toThrow(
      expect.objectContaining({ code: "SERVICE_UNKNOWN" }),
    );
  });
});

describe("the user of a job's processes", () => {
  const user: JobUser = {
    name: "ci",
    uid: 1,
    gid: 1,
    groups: [1],
    home: "/",
    shell: "/bin/sh",
    isExclusive: false,
  };

  test("reaches an executor that applies it", async () => {
    await using host = await openHost({ shell: { appliesUser: true } });
    expect(chooseExecutor("shell", { host, executors: {}, user }).name).toBe("shell");
  });

  test("refuses an executor that would run the job as root", async () => {
    await using host = await openHost({ sandbox: {} });
    expect(() => chooseExecutor("sandbox", { host, executors: {}, user })).toThrow(
      'executor "sandbox" would run jobs as root and not as "ci"',
    );
  });
});

describe("a limit of a job's resources", () => {
  test("reaches an executor that enforces it", async () => {
    let limits: unknown;
    const factory: ExecutorFactory = {
      enforcesLimits: ["memoryBytes", "cpus", "pids"],
      create(context) {
        ({ limits } = context.options);
        return dummyExecutor.create(context);
      },
    };
    const wanted = { memoryBytes: 1024, cpus: 0.5, pids: 10 };
    const { summary } = await runJob({}, { executor: factory, settings: { limits: wanted } });
    expect(summary.result).toBe("passed");
    expect(limits).toEqual(wanted);
  });

  test("fails the start of a job whose executor cannot enforce it, and the job's log names the option", async () => {
    const factory: ExecutorFactory = { ...dummyExecutor, enforcesLimits: ["cpus"] };
    const { summary, blocks } = await runJob(
      { commands: commands("echo never") },
      { executor: factory, settings: { limits: { cpus: 1, memoryBytes: 1024, pids: 10 } } },
    );
    expect(summary.result).toBe("failed");
    const text = blocks.join("\n");
    expect(text).toContain('executor "shell" cannot enforce "job-memory", "job-pids"');
    expect(text).not.toContain("echo never");
  });

  test("refuses an agent whose executor of shell jobs cannot enforce it on this host, with the reason", async () => {
    const asked: unknown[] = [];
    const shell: Partial<ExecutorFactory> = {
      enforcesLimits: ["pids"],
      prepareLimits(limits, { dryRun }) {
        asked.push([limits, dryRun]);
        return dryRun ? undefined : "this host has no controllers";
      },
    };
    await using host = await openHost({ shell, plain: {} });
    const prepare = (limits: JobLimits, dryRun = false, executors = {}) =>
      prepareLimits("shell", { host, executors, limits }, { dryRun });
    const refused = (message: string) =>
      expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringContaining(message) });
    expect(() => prepare({ pids: 10 })).toThrow(
      refused('executor "shell" cannot enforce "job-pids": this host has no controllers'),
    );
    expect(() => prepare({ cpus: 1 })).toThrow(refused('executor "shell" cannot enforce "job-cpus"'));
    expect(() => prepare({ pids: 10 }, false, { shell: "plain" })).toThrow(refused('executor "plain"'));
    prepare({ pids: 10 }, true);
    expect(asked).toEqual([
      [{ pids: 10 }, false],
      [{ pids: 10 }, true],
    ]);
  });

  test("that is not set refuses nothing, nor does an executor that is known in jobs only", async () => {
    await using host = await openHost({ shell: { prepareLimits: () => "never" } });
    prepareLimits("shell", { host, executors: {}, limits: {} }, { dryRun: false });
    prepareLimits("elsewhere", { host, executors: {}, limits: { pids: 1 } }, { dryRun: false });
  });
});

async function openHost(factories: Readonly<Record<string, Partial<ExecutorFactory>>>): Promise<Host> {
  const plugin = definePlugin({
    name: "executors",
    setup(ctx) {
      for (const [name, factory] of Object.entries(factories))
        ctx.provide(executor, name, { ...factory, create: dummyExecutor.create });
    },
  });
  return createHost({
    plugins: [{ plugin, config: {}, origin: { kind: "built-in" } }],
    roles: ["agent", "job"],
    logger: createRecordingLogger(),
  });
}
