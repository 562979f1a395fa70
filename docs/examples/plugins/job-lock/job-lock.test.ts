import { expect, test } from "bun:test";
import { jobCommand } from "signalman";
import { jobCommandContext, testPlugin, tmpdir } from "signalman/testing";
import plugin from "./index.ts";

test("a lock is taken at once when it is free, and kept until the job has ended", async () => {
  await using directory = await tmpdir();
  const config = { directory: directory.path };
  const one = await testPlugin(plugin, { config });
  const first = await one.use(jobCommand, "lock").run({ name: "deploy" }, jobCommandContext());
  expect(first).toEqual({ waitedMs: expect.any(Number) as number });

  await using two = await testPlugin(plugin, { config });
  const told = Promise.withResolvers<string>();
  const context = jobCommandContext({ log: { write: told.resolve } });
  const second = two.use(jobCommand, "lock").run({ name: "deploy" }, context);
  expect(await told.promise).toBe('waiting for the lock "deploy", which another job has');
  await one[Symbol.asyncDispose]();
  await second;
});

test("a call that nothing waits for any more takes no lock", async () => {
  await using directory = await tmpdir();
  const config = { directory: directory.path };
  await using one = await testPlugin(plugin, { config });
  await using two = await testPlugin(plugin, { config });
  await one.use(jobCommand, "lock").run({ name: "deploy" }, jobCommandContext());
  const abort = new AbortController();
  const write = () => abort.abort("disconnected");
  const context = jobCommandContext({ signal: abort.signal, log: { write } });
  await expect(two.use(jobCommand, "lock").run({ name: "deploy" }, context)).rejects.toThrow();
});

test.each(["../escape", "", 12, "x".repeat(65)])("the name %p is refused", async (name) => {
  await using t = await testPlugin(plugin, { config: { directory: "/nowhere" } });
  await expect(t.use(jobCommand, "lock").run({ name }, jobCommandContext())).rejects.toMatchObject({
    code: "JOB_REFUSED",
  });
});
