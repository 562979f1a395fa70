import { expect, test } from "bun:test";
import { testPlugin } from "signalman/testing";
import notify from "./notify.ts";

/** A web hook that remembers what was posted. */
function openWebHook(status = 200) {
  const posts: unknown[] = [];
  const server = Bun.serve({
    port: 0,
    async fetch(request) {
      posts.push(await request.json());
      return new Response(null, { status });
    },
  });
  return { posts, url: server.url.href, [Symbol.asyncDispose]: () => server.stop(true) };
}

test("a job that failed is posted, one that passed is not", async () => {
  await using hook = openWebHook();
  await using t = await testPlugin(notify, { flags: { "notify-url": hook.url } });
  await t.call("agent:job-ended", { jobId: "a", result: "passed" });
  await t.call("agent:job-ended", { jobId: "b", result: "failed", durationMs: 2000 });
  expect(hook.posts).toEqual([{ text: "Job b failed after 2 s" }]);
});

test("every job is posted when it is told so", async () => {
  await using hook = openWebHook();
  await using t = await testPlugin(notify, { config: { url: hook.url, on: "always" } });
  await t.call("agent:job-ended", { jobId: "a", result: "passed", durationMs: 0 });
  expect(hook.posts).toEqual([{ text: "Job a passed after 0 s" }]);
});

test("a web hook that fails is an error in the agent's log, without the secret", async () => {
  await using hook = openWebHook(500);
  await using t = await testPlugin(notify, { flags: { "notify-url": hook.url } });
  await t.call("agent:job-ended", { result: "failed" });
  const [error] = t.logs.filter(({ level }) => level === "error");
  expect(error?.message).toBe('plugin "notify" failed in agent:job-ended: the web hook answered 500');
});

test("without a web hook it hears nothing", async () => {
  await using t = await testPlugin(notify);
  expect(t.hooks).toEqual([]);
});
