import { expect, test } from "bun:test";
import { environmentVariable, jobRequest, testPlugin } from "signalman/testing";
import traceContext from "./trace-context.ts";

const form = /^00-([0-9a-f]{32})-([0-9a-f]{16})-01$/;

test("each command is a span of its own in the trace of the job", async () => {
  await using t = await testPlugin(traceContext);
  await t.call("job:start");
  await t.call("command:start");
  await t.call("command:start");
  const [first, second] = t.variables.map(({ value }) => form.exec(value)!);
  expect(first![1]).toBe(second![1]!);
  expect(first![2]).not.toBe(second![2]!);
  expect(t.variables[0]).toMatchObject({ name: "TRACEPARENT", scope: "command", secret: false });
});

test.each([
  [`00-${"ab".repeat(16)}-${"cd".repeat(8)}-01`, true],
  ["00-broken", false],
])("a job with the trace context %s continues it: %p", async (parent, isContinued) => {
  await using t = await testPlugin(traceContext);
  await t.call("job:start", { job: jobRequest({ env: [environmentVariable("TRACEPARENT", parent)] }) });
  await t.call("command:start");
  expect(t.variables[0]!.value).toMatch(form);
  expect(form.exec(t.variables[0]!.value)![1] === "ab".repeat(16)).toBe(isContinued);
});
