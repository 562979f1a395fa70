import { expect, test } from "bun:test";
import { createRecordingLogger } from "signalman/testing";
import { createOutage } from "./outage.ts";

test("an outage of minutes is said once a minute, with the endpoint, and so is its end", () => {
  const logger = createRecordingLogger();
  let seconds = 0;
  const outage = createOutage(logger, "acme.example.com", () => seconds * 1000);
  const failure = { kind: "transport", message: "ECONNREFUSED", status: 0, retryAfterMs: 0 } as const;
  outage.recovered();
  for (; seconds < 125; seconds += 5) outage.failed(failure);
  outage.recovered();
  outage.recovered();
  const message = "[SYNC ERR] Failed to sync with API: ECONNREFUSED";
  const endpoint = "acme.example.com";
  expect(logger.entries).toMatchObject([
    { level: "error", message, fields: { endpoint } },
    { level: "error", message, fields: { endpoint, failures: 13, seconds: 60 } },
    { level: "error", message, fields: { endpoint, failures: 25, seconds: 120 } },
    { level: "info", message: "syncs with API again", fields: { endpoint, failures: 25, seconds: 125 } },
  ]);
});
