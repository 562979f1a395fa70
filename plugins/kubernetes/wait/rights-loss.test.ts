import { expect, test } from "bun:test";
import { createRecordingLogger } from "signalman/testing";
import { ApiError } from "../client/api-error.ts";
import type { Link } from "../session/link.ts";
import type { PodWatch } from "./pod-watch.ts";
import { watchRights } from "./rights-loss.ts";

const why = 'pods "x" is forbidden';

/** A watch whose role is taken away until the given number of reads, and a link that keeps its reason. */
function createScene(readsUntilBack: number) {
  let refusal: string | undefined = why;
  let reads = 0;
  const ended = Promise.withResolvers<void>();
  const reasons: string[] = [];
  const logger = createRecordingLogger();
  const watch = {
    get refusal() {
      return refusal;
    },
    isGone: false,
    changed: () => new Promise<void>(() => {}),
    async refresh() {
      reads += 1;
      if (reads < readsUntilBack) throw new ApiError(403, "Forbidden", why);
      refusal = undefined;
    },
  };
  const giveUp = (reason: string) => {
    reasons.push(reason);
    ended.resolve();
  };
  const link = { ended: ended.promise, giveUp };
  const watching = watchRights(watch as unknown as PodWatch, {
    link: link as unknown as Link,
    logger,
    refusedMs: 50,
    retryMs: 1,
  });
  return { watching, reasons, logger, end: ended.resolve };
}

test("a session ends with the reason when its rights stay away", async () => {
  const { watching, reasons } = createScene(Number.POSITIVE_INFINITY);
  await watching;
  expect(reasons).toEqual([
    `the agent's rights in the cluster were taken away, as by the end of its release: ${why}`,
  ]);
});

test("a session continues when its rights come back, and the watch ends with it", async () => {
  const { watching, reasons, logger, end } = createScene(2);
  while (!logger.entries.some(({ message }) => message.includes("accepts the agent again")))
    await Bun.sleep(1);
  end();
  await watching;
  expect(reasons).toEqual([]);
});

test("nothing is ended after the session", async () => {
  const { watching, reasons, end } = createScene(Number.POSITIVE_INFINITY);
  end();
  await watching;
  expect(reasons).toEqual([]);
});
