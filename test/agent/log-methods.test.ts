import { expect, test } from "bun:test";
import { createSlot, delivery, request, toStory } from "./fixtures.ts";

const pulled = (command: string) => ({
  ...request(command),
  logger: { ...request().logger, method: "pull" },
});

test("a job with an unknown log method fails before any command, and the agent's log has the reason", async () => {
  await using slot = await createSlot();
  const job = await slot.again().start(pulled("echo ran"), delivery);
  expect((await job.done).summary.result).toBe("failed");
  expect(slot.logger.entries).toContainEqual(
    expect.objectContaining({
      level: "error",
      message:
        'the job\'s log cannot be delivered: no log-backend named "pull" (nearest: push); the job is reported as failed',
    }),
  );
  const kept = await Bun.file(`${slot.path}/jobs/${job.id}/events.ndjson`).text();
  expect(kept).toContain("no log-backend named");
  expect(kept).not.toContain("echo ran");
});

test("a job is served by the log backend that log-methods names for its method", async () => {
  await using slot = await createSlot({ logMethods: { pull: "push" } });
  const job = await slot.again().start(pulled("echo ran"), delivery);
  expect((await job.done).summary.result).toBe("passed");
  expect(toStory(slot.received)).toContain("echo ran → 0: ran\n");
});
