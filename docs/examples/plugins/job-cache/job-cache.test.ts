import { utimes, writeFile } from "node:fs/promises";
import { expect, test } from "bun:test";
import { jobCommand } from "signalman";
import { environmentVariable, jobCommandContext, jobRequest, testPlugin, tmpdir } from "signalman/testing";
import plugin from "./index.ts";

const contextOf = (project: string) =>
  jobCommandContext({ job: jobRequest({ env: [environmentVariable("SEMAPHORE_PROJECT_ID", project)] }) });

async function openCache(directory: string, size = "1KiB") {
  const t = await testPlugin(plugin, { config: { directory, size } });
  const { run } = t.use(jobCommand, "job-cache");
  const ask = async (message: object, project = "one") =>
    (await run({ ...message }, contextOf(project))) as { path?: string; upload?: string };
  return {
    ask,
    async store(key: string, text: string): Promise<void> {
      const { path, upload } = await ask({ op: "store", key });
      await writeFile(path!, text);
      await ask({ op: "commit", key, upload });
    },
    [Symbol.asyncDispose]: () => t[Symbol.asyncDispose](),
  };
}

test("an entry belongs to its project and its key", async () => {
  await using directory = await tmpdir();
  await using cache = await openCache(directory.path);
  await cache.store("modules", "whole");
  const { path } = await cache.ask({ op: "restore", key: "modules" });
  expect(await Bun.file(path!).text()).toBe("whole");
  expect(await cache.ask({ op: "restore", key: "modules" }, "two")).toEqual({});
  expect(await cache.ask({ op: "restore", key: "other" })).toEqual({});
});

test("what was used least recently is removed beyond the size", async () => {
  await using directory = await tmpdir();
  await using cache = await openCache(directory.path);
  for (const key of ["a", "b"]) {
    await cache.store(key, "x".repeat(400));
    const { path } = await cache.ask({ op: "restore", key });
    await utimes(path!, 1, key === "a" ? 2 : 1);
  }
  await cache.store("c", "x".repeat(400));
  const isThere = async (key: string) => (await cache.ask({ op: "restore", key })).path !== undefined;
  expect(await Promise.all(["a", "b", "c"].map(isThere))).toEqual([true, false, true]);
});

test.each<[object, string]>([
  [{ op: "restore", key: 12 }, "the key of an entry is a text"],
  [{ op: "commit", key: "a", upload: "../../etc/passwd" }, "unknown operation or upload"],
  [{ op: "remove", key: "a" }, "unknown operation or upload"],
])("%j is refused", async (message, why) => {
  await using directory = await tmpdir();
  await using cache = await openCache(directory.path);
  await expect(cache.ask(message)).rejects.toMatchObject({
    code: "JOB_REFUSED",
    message: expect.stringContaining(why),
  });
});
