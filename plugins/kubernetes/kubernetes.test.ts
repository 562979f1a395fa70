import { expect, test } from "bun:test";
import { testPlugin } from "signalman/testing";
import plugin from "./index.ts";

test("without its options, nothing is refused", async () => {
  await using t = await testPlugin(plugin, { flags: { "kubernetes-executor": "false" } });
  await t.call("agent:start");
});

test.each([
  ["kubernetes-executor", "true"],
  ["kubernetes-pod-spec", "spec"],
  ["kubernetes-allowed-images", "^a$"],
  ["kubernetes-pod-start-timeout", "60"],
  ["kubernetes-labels", "a=b"],
  ["kubernetes-default-image", "ubuntu"],
])("--%s refuses the start, and says why", async (flag, value) => {
  await using t = await testPlugin(plugin, { flags: { [flag]: value } });
  const error = await t.call("agent:start").catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining(`remove "${flag}"`),
  });
});

test.each([
  ["kubernetes-pod-start-timeout", "-1", "Kubernetes pod start timeout can't be negative. Exiting..."],
  ["kubernetes-labels", "a", "Error parsing --kubernetes-labels: a is not a valid label"],
])("--%s=%s is called wrong in the reference's words", async (flag, value, message) => {
  await using t = await testPlugin(plugin, { flags: { [flag]: value } });
  const error = await t.call("agent:start").catch(String);
  expect(error).toContain(message);
});
