import { describe, expect, test } from "bun:test";
import type { JobPolicy } from "../../src/core/contracts/job-policy.ts";
import { jobPolicy } from "../../src/core/contracts/services.ts";
import { AgentError } from "../../src/core/errors.ts";
import { environmentVariable } from "../../src/testing/index.ts";
import { commands, exported, injected, runJob } from "./fixtures.ts";

/** Runs a job under policies, and returns its blocks, its result and the agent's log. */
async function runUnder(policies: Readonly<Record<string, JobPolicy["check"]>>, options = {}) {
  const calls: string[] = [];
  const { summary, blocks, logs } = await runJob(
    { commands: commands("print a"), epilogueAlways: commands("print b") },
    {
      setup(ctx) {
        for (const [name, check] of Object.entries(policies)) ctx.provide(jobPolicy, name, { check });
        for (const hook of ["job:start", "job:prepare", "job:end"] as const)
          ctx.hook(hook, () => void calls.push(hook));
      },
      ...options,
    },
  );
  return { result: summary.result, blocks, calls, messages: logs.map(({ message }) => message) };
}

const refused = (text: string) => [`Refusing the job → 1: ${text}\n`];
const undecided = refused('The policy "broken" of this agent could not decide whether the job may run.');

describe("a job policy", () => {
  test("that returns nothing lets the job run", async () => {
    const { result, blocks } = await runUnder({ quiet: () => {}, later: async () => undefined });
    expect(result).toBe("passed");
    expect(blocks.slice(0, 3)).toEqual([exported, injected, "print a → 0: a\n"]);
  });

  test("refuses a job before any hook, with its reason alone and without an epilogue", async () => {
    const { result, blocks, calls, messages } = await runUnder({ strict: async () => "not on this agent" });
    expect(result).toBe("failed");
    expect(blocks).toEqual(refused("not on this agent"));
    expect(calls).toEqual(["job:end"]);
    expect(messages).toContain('job refused by plugin "listener": not on this agent');
  });

  test("decides in the order of the configuration: the first reason wins", async () => {
    const asked: string[] = [];
    const check = (name: string, reason?: string) => () => (asked.push(name), reason);
    const { blocks } = await runUnder({ a: check("a"), b: check("b", "no"), c: check("c", "never") });
    expect(blocks).toEqual(refused("no"));
    expect(asked).toEqual(["a", "b"]);
  });

  test("that throws refuses the job, and only the agent's log has the error", async () => {
    const { result, blocks, messages } = await runUnder({
      broken() {
        throw new Error("boom");
      },
    });
    expect([result, blocks]).toEqual(["failed", undecided]);
    expect(messages).toContain(
      'plugin "listener" could not decide about the job, which is refused: plugin "listener" failed in job-policy "broken".check: boom',
    );
  });

  test("that throws a refusal refuses the job with its message", async () => {
    const { blocks } = await runUnder({
      strict() {
        throw new AgentError("JOB_REFUSED", "not on this agent");
      },
    });
    expect(blocks).toEqual(refused("not on this agent"));
  });

  test("that does not return refuses the job after its time", async () => {
    let given: AbortSignal | undefined;
    const broken: JobPolicy["check"] = ({ signal }) => ((given = signal), new Promise<string>(() => {}));
    const { result, blocks, messages } = await runUnder({ broken }, { policyMs: 20 });
    expect([result, blocks]).toEqual(["failed", undecided]);
    expect(given?.aborted).toBe(true);
    expect(messages.join("\n")).toContain(
      'plugin "listener" did not return from job-policy "broken".check within 20 ms',
    );
  });

  test.each([true, null, "", 0, {}])("that returns %p refuses the job", async (answer) => {
    const { result, blocks, messages } = await runUnder({ broken: () => answer as unknown as string });
    expect([result, blocks]).toEqual(["failed", undecided]);
    expect(messages.join("\n")).toContain('must return a reason or nothing from job-policy "broken".check');
  });

  test("that hangs does not delay a stop", async () => {
    const reached = Promise.withResolvers<void>();
    const { summary, blocks } = await runJob(
      { commands: commands("print a") },
      {
        stopAt: "job_started",
        setup(ctx) {
          ctx.provide(jobPolicy, "slow", { check: () => (reached.resolve(), new Promise<string>(() => {})) });
        },
      },
    );
    await reached.promise;
    expect(summary.result).toBe("stopped");
    expect(blocks).toEqual([]);
  });

  test("sees the request as the control plane has sent it", async () => {
    const names: string[] = [];
    await runJob(
      { env: [environmentVariable("SEMAPHORE_GIT_URL", "x")] },
      {
        setup: (ctx) =>
          ctx.provide(jobPolicy, "reader", {
            check: ({ job }) => void names.push(...job.env.map(({ name }) => name)),
          }),
      },
    );
    expect(names).toEqual(["SEMAPHORE_GIT_URL"]);
  });
});
