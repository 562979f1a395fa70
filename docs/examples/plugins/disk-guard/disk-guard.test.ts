import { expect, test } from "bun:test";
import { admission } from "signalman";
import { testPlugin } from "signalman/testing";
import plugin from "./index.ts";

/** Asks the plugin about slot 0. */
async function check(config: Readonly<Record<string, unknown>>) {
  await using t = await testPlugin(plugin, { config });
  return t.use(admission, "disk-guard").check({ slot: 0, signal: new AbortController().signal });
}

test("a disk with enough space admits jobs", async () => {
  expect(await check({ minimum: 0 })).toBeUndefined();
});

test("a disk with less space refuses jobs, with the reason and what ends the pause", async () => {
  expect(await check({ directory: "/tmp", minimum: "8000000GiB", resume: "8000001GiB" })).toEqual({
    reason: "less than 7812.5 TiB are free on /tmp",
    until: "7812.5 TiB are free",
  });
});

test("a directory that does not exist is an error, which the agent reports", async () => {
  await expect(check({ directory: "/nonexistent" })).rejects.toThrow('plugin "disk-guard" failed');
});
