import { expect, test } from "bun:test";
import { untilAborted } from "../../src/core/aborted.ts";
import { createSlot, delivery, request } from "./fixtures.ts";

test("a listener of the job's start that never finishes delays neither the log nor a stop", async () => {
  const released = new AbortController();
  await using slot = await createSlot({
    setup: (ctx) => ctx.hook("agent:job-started", () => untilAborted(released.signal)),
  });
  const jobs = slot.again();
  const job = await jobs.start(request("echo begun; sleep 600"), delivery);
  await until(() =>
    slot.received.some((event) => event.event === "cmd_output" && event.output === "begun\n"),
  );
  jobs.stopAll({ by: "operator", reason: "tests" });
  await until(() => slot.received.at(-1)?.event === "job_finished");
  expect(slot.received.at(-1)).toMatchObject({ result: "stopped" });
  expect(slot.ended).toEqual([]);
  released.abort();
  expect((await job.done).summary.result).toBe("stopped");
  expect(slot.ended).toHaveLength(1);
});

test("plugins handle a job's start before its end, however short the job is", async () => {
  const order: string[] = [];
  await using slot = await createSlot({
    setup(ctx) {
      ctx.hook("agent:job-started", async () => {
        await until(() => slot.received.at(-1)?.event === "job_finished");
        order.push("started");
      });
      ctx.hook("agent:job-ended", () => void order.push("ended"));
    },
  });
  const job = await slot.again().start(request("true"), delivery);
  await job.done;
  expect(order).toEqual(["started", "ended"]);
});

async function until(condition: () => boolean): Promise<void> {
  for (const deadline = performance.now() + 60_000; !condition(); await Bun.sleep(10)) {
    if (performance.now() > deadline) throw new Error("the condition was not met within a minute");
  }
}
