import { expect, test } from "bun:test";
import { createOutageLog } from "../../src/agent/outage-log.ts";
import { createRecordingLogger } from "../../src/testing/loggers.ts";

test("an outage is logged at its first failure, once a minute with the count, and at its end", () => {
  const logger = createRecordingLogger();
  let seconds = 0;
  const outage = createOutageLog({
    logger,
    level: "error",
    fields: { endpoint: "acme.example.com" },
    describeFailure: (reason, isFirst) => `${isFirst ? "cannot" : "still cannot"} sync: ${reason}`,
    recovery: "sync recovered",
    now: () => seconds * 1000,
  });
  outage.recovered();
  for (; seconds < 125; seconds += 5) outage.failed("ECONNREFUSED");
  outage.recovered();
  outage.recovered();
  const endpoint = "acme.example.com";
  expect(logger.entries.map(({ level, message, fields }) => [level, message, fields])).toEqual([
    ["error", "cannot sync: ECONNREFUSED", { endpoint }],
    ["error", "still cannot sync: ECONNREFUSED", { endpoint, failures: 13, seconds: 60 }],
    ["error", "still cannot sync: ECONNREFUSED", { endpoint, failures: 25, seconds: 120 }],
    ["info", "sync recovered", { endpoint, failures: 25, seconds: 125 }],
  ]);
});

test("a second outage is counted from its own beginning", () => {
  const logger = createRecordingLogger();
  let now = 0;
  const outage = createOutageLog({
    logger,
    level: "warn",
    describeFailure: (reason) => reason,
    recovery: "over",
    now: () => now,
  });
  outage.failed("first");
  outage.recovered();
  now = 5000;
  outage.failed("second");
  now = 9000;
  outage.recovered();
  expect(logger.entries.at(-1)).toMatchObject({ message: "over", fields: { failures: 1, seconds: 4 } });
});
