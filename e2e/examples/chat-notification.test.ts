import { describe, expect, test } from "bun:test";
import { createExampleScene, createExampleTester, exampleFlags } from "./example-plugins.ts";
import { outputOf, runJob, until } from "../support/jobs.ts";

describe("chat-notification", () => {
  test.concurrent("posts failed and stopped jobs, also after an error of the webhook; its URL is not in the agent's log", async () => {
    await using hook = openWebhook(500);
    await using scene = await createExampleScene("chat-notification", {
      results: ["failed", "stopped"],
      "retry-delay": 0.05,
    });
    const { hub } = scene;
    await scene.startAgent({ env: hook.env });
    await hub.done(await hub.submit({ name: "fine", commands: ["true"] }));
    const noSecret = "env | grep -c s3cr3t-path; false";
    const failed = await hub.submit({ name: "broken", commands: [noSecret] });
    await hub.done(failed);
    const stopped = await hub.submit({ name: "endless", commands: ["echo started; sleep 1000"] });
    await hub.shows(stopped, "started");
    await hub.stopJob(stopped);
    await hub.done(stopped);
    await until("three messages were posted", () => hook.texts.length === 3);
    const link = (id: string) => `<http://${hub.endpoint}/jobs/${id}|job>`;
    expect(hook.texts[0]).toMatch(/^Job `broken` of `hub` failed after \d+ s: /);
    expect(hook.texts[0]).toEndWith(link(failed));
    expect(hook.texts[1]).toBe(hook.texts[0]!);
    expect(hook.texts[2]).toMatch(/^Job `endless` of `hub` stopped after /);
    expect(hook.texts[2]).toEndWith(link(stopped));
    expect(outputOf(await hub.log(failed), noSecret)).toBe("0\n");
    expect(await scene.agentLog()).not.toContain("s3cr3t-path");
  });

  test.concurrent("posts waiting messages when run exits", async () => {
    await using hook = openWebhook(503);
    await using tester = await createExampleTester("chat-notification", { "retry-delay": 600 });
    const { exitCode } = await runJob(tester, { name: "broken", commands: ["false"] }, exampleFlags, {
      env: hook.env,
    });
    expect([exitCode, hook.texts.length]).toEqual([1, 2]);
  });

  test.concurrent("posts waiting messages when an agent shuts down", async () => {
    await using hook = openWebhook(503);
    await using scene = await createExampleScene("chat-notification", { "retry-delay": 600 });
    const agent = await scene.startAgent({ env: hook.env });
    await scene.hub.done(await scene.hub.submit({ commands: ["false"] }));
    await until("the first attempt failed", () => hook.texts.length === 1);
    agent.kill("SIGTERM");
    expect((await agent.finished).exitCode).toBe(0);
    expect(hook.texts).toHaveLength(2);
  });

  test.concurrent("does not affect a job when the chat server is unreachable", async () => {
    await using tester = await createExampleTester("chat-notification", {});
    const env = { SEMAPHORE_AGENT_CHAT_NOTIFICATION_URL: "http://127.0.0.1:1/s3cr3t-path" };
    const { exitCode, stderr } = await runJob(tester, { commands: ["exit 3"] }, exampleFlags, { env });
    expect(exitCode).toBe(1);
    expect(stderr).toContain("message could not be posted");
    expect(stderr).not.toContain("s3cr3t-path");
  });
});

/** Starts a webhook that answers with these statuses, then with 200. */
function openWebhook(...statuses: number[]) {
  const texts: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      texts.push(((await request.json()) as { text: string }).text);
      return new Response(null, { status: statuses.shift() ?? 200 });
    },
  });
  const env = { SEMAPHORE_AGENT_CHAT_NOTIFICATION_URL: `${server.url.href}hooks/s3cr3t-path` };
  return { texts, env, [Symbol.asyncDispose]: () => server.stop(true) };
}
