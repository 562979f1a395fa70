import { expect, test } from "bun:test";
import { testPlugin } from "signalman/testing";
import plugin from "./index.ts";

test("the default options are valid and leave jobs to other executors", async () => {
  await using t = await testPlugin(plugin);
  await t.call("agent:start");
  expect(t.services).toContainEqual({ service: "executor", name: "kubernetes" });
});

test.each([
  ["kubernetes-pod-start-timeout", "-1", "Kubernetes pod start timeout can't be negative. Exiting..."],
  ["kubernetes-labels", "a", "Error parsing --kubernetes-labels: a is not a valid label"],
  ["kubernetes-labels", "a=b=c", "Error parsing --kubernetes-labels: a=b=c is not a valid label"],
  ["kubernetes-labels", "a b=c", `"a b" is not a label name`],
  ["kubernetes-labels", `a=${"x".repeat(64)}`, "is not a label value"],
  ["kubernetes-allowed-images", "(", `"(" cannot be used`],
  ["kubernetes-allowed-images", "^(?!evil)", "it has a lookahead or lookbehind"],
])("--%s=%s is refused at the start: %s", async (flag, value, message) => {
  await using t = await testPlugin(plugin, { flags: { [flag]: value } });
  const error: unknown = await t.call("agent:start").catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "CONFIG_INVALID", message: expect.stringContaining(message) });
});
