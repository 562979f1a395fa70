import { describe, expect, test } from "bun:test";
import type { StopCause } from "../../src/core/contracts/stop-cause.ts";
import { findStopCause, parseStopCause, toStopError } from "../../src/core/stop-cause.ts";
import { untilAborted } from "../../src/core/aborted.ts";
import { createDummyExecutor, tmpdir } from "../../src/testing/index.ts";
import { listenForAgents } from "../../src/job/control/control-socket.ts";
import type { JobOrder } from "../../src/job/control/messages.ts";
import { commands, runJob } from "./fixtures.ts";

const operator: StopCause = { by: "operator", reason: "the program received SIGINT" };

describe("the cause of a stop", () => {
  test("is the reason of the signals of hooks and of the executor's start", async () => {
    const causes: unknown[] = [];
    await runJob(
      { commands: commands("print never") },
      {
        stopAt: "starting",
        cause: operator,
        setup: (ctx) => ctx.hook("job:end", ({ signal }) => void causes.push(findStopCause(signal))),
        executor: {
          create: (context) => ({
            ...createDummyExecutor(context),
            async start(signal) {
              await context.log.command("starting", () => 0);
              await untilAborted(signal);
              causes.push(findStopCause(signal));
              return 1;
            },
          }),
        },
      },
    );
    expect(causes).toEqual([operator, operator]);
  });

  test("is that of the first stop", async () => {
    const causes: unknown[] = [];
    await runJob(
      { commands: commands("sleep 60") },
      {
        stopAt: '"sleep 60"',
        cause: operator,
        onJob: (job) => void setTimeout(() => job.kill({ by: "agent", reason: "later" }), 1000).unref(),
        setup: (ctx) => ctx.hook("job:end", ({ signal }) => void causes.push(findStopCause(signal))),
      },
    );
    expect(causes).toEqual([operator]);
  });

  test.each([
    ["agent", true],
    ["plugin", true],
    ["operator", false],
    ["control-plane", false],
  ] as const)("%s is shown in the job's log: %s", async (by, isShown) => {
    const { blocks, summary } = await runJob(
      { commands: commands("sleep 60") },
      { stopAt: '"sleep 60"', cause: { by, reason: "because" } },
    );
    expect(summary.result).toBe("stopped");
    expect(blocks.slice(3)).toEqual(isShown ? ["Ending the job → 1: [signalman: because]\n"] : []);
  });

  test("of another process is made usable: a known stopper, one line, a bounded reason", () => {
    expect(parseStopCause(undefined)).toEqual({ by: "agent", reason: "the agent has stopped the job" });
    expect(parseStopCause({ by: "aliens", reason: 7 })).toEqual(parseStopCause("x"));
    const { by, reason } = parseStopCause({ by: "operator", reason: `a\n\u001b[2Jb${"c".repeat(100_000)}` });
    expect([by, reason.length]).toEqual(["operator", 500]);
    expect(reason).toStartWith("a ⏎ ␛[2Jb");
  });

  test("is not found in a signal that aborted for another reason, or not at all", () => {
    expect(findStopCause(new AbortController().signal)).toBeUndefined();
    expect(findStopCause(AbortSignal.abort())).toBeUndefined();
    expect(findStopCause(AbortSignal.abort(toStopError(operator)))).toEqual(operator);
  });
});

test("a job's process accepts the stop of an earlier release, which has no cause, and one with more fields", async () => {
  await using place = await tmpdir();
  const path = `${place.path}/control`;
  const orders: JobOrder[] = [];
  const done = Promise.withResolvers<void>();
  using _control = listenForAgents({
    path,
    secret: "s",
    onCommand(order) {
      orders.push(order);
      if (orders.length === 2) done.resolve();
    },
    onCounted() {},
    onClaimed() {},
  });
  const socket = await Bun.connect({ unix: path, socket: { data() {} } });
  const later = { do: "kill", cause: { ...operator, at: 1 }, further: true };
  for (const message of [{ hello: "s", version: 1 }, { do: "stop" }, later])
    socket.write(`${JSON.stringify(message)}\n`);
  await done.promise;
  socket.end();
  const causes = orders.map((order) => order.do !== "leave" && parseStopCause(order.cause));
  expect(causes).toEqual([parseStopCause(undefined), operator]);
});
