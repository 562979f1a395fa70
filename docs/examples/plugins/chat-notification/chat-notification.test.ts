import { describe, expect, test } from "bun:test";
import type { JobRequest } from "signalman";
import { environmentVariable, jobRequest, testPlugin, type PluginUnderTest } from "signalman/testing";
import plugin from "./index.ts";

const variables = {
  SEMAPHORE_PROJECT_NAME: "shop",
  SEMAPHORE_GIT_BRANCH: "main",
  SEMAPHORE_WORKFLOW_ID: "w-1",
  SEMAPHORE_ORGANIZATION_URL: "https://acme.example.com",
  SHOP_TOKEN: "hush-hush",
};

function job(overrides: Partial<typeof variables> = {}, rest: Partial<JobRequest> = {}): JobRequest {
  const env = Object.entries({ ...variables, ...overrides }).map(([name, text]) =>
    environmentVariable(name, text),
  );
  return jobRequest({ id: "j-1", name: "Unit tests", env, ...rest });
}

/** Starts a webhook with scripted answers, then 200, that saves all texts. */
function openWebhook(...answers: (() => Response | Promise<Response>)[]) {
  const texts: string[] = [];
  const server = Bun.serve({
    port: 0,
    async fetch(request) {
      texts.push(((await request.json()) as { text: string }).text);
      return answers.shift()?.() ?? new Response("ok");
    },
  });
  return { texts, url: server.url.href, [Symbol.asyncDispose]: () => server.stop(true) };
}

const status =
  (code: number, headers: Record<string, string> = {}) =>
  () =>
    new Response(null, { status: code, headers });

/** Sets the plugin up, calls the hook for each job, and shuts the agent down. Returns the log. */
async function notify(
  config: Readonly<Record<string, unknown>>,
  ...ended: { job: JobRequest; result?: "failed" | "passed" | "stopped"; durationMs?: number }[]
) {
  const t = await testPlugin(plugin, { config: { "retry-delay": 0, ...config } });
  for (const event of ended) await t.call("agent:job-ended", { result: "failed", durationMs: 0, ...event });
  await t[Symbol.asyncDispose]();
  return linesOf(t);
}

/** Returns the lines of the log, except those of level debug. */
function linesOf({ logs }: PluginUnderTest): string[] {
  return logs.filter(({ level }) => level !== "debug").map(({ level, message }) => `${level}: ${message}`);
}

describe("a message", () => {
  test("is one line with links about a failed job, and not posted for a passed job", async () => {
    await using hook = openWebhook();
    const logs = await notify(
      { url: hook.url },
      { job: job(), durationMs: 123_000 },
      { job: job(), result: "passed" },
      { job: job(), result: "stopped" },
    );
    const links =
      "<https://acme.example.com/jobs/j-1|job>, <https://acme.example.com/workflows/w-1|workflow>";
    expect(hook.texts).toEqual([
      `Job \`Unit tests\` of \`shop\` (\`main\`) failed after 2 min 3 s: ${links}`,
    ]);
    expect(logs).toEqual([]);
  });

  test("is posted only for the configured projects and branches", async () => {
    await using hook = openWebhook();
    await notify(
      {
        url: hook.url,
        projects: ["shop", "billing-*"],
        branches: ["main", "release/*"],
        results: ["stopped"],
      },
      { job: job(), result: "stopped" },
      { job: job() },
      { job: job({ SEMAPHORE_PROJECT_NAME: "blog" }), result: "stopped" },
      {
        job: job({ SEMAPHORE_PROJECT_NAME: "billing-api", SEMAPHORE_GIT_BRANCH: "release/1" }),
        result: "stopped",
      },
      { job: job({ SEMAPHORE_GIT_BRANCH: "feature" }), result: "stopped" },
    );
    expect(hook.texts.map((text) => text.split(" stopped")[0])).toEqual([
      "Job `Unit tests` of `shop` (`main`)",
      "Job `Unit tests` of `billing-api` (`release/1`)",
    ]);
  });

  test("escapes names, and works for a job without variables", async () => {
    await using hook = openWebhook();
    await notify(
      { url: hook.url },
      { job: job({ SEMAPHORE_GIT_BRANCH: "`<!channel>\n&`", SEMAPHORE_ORGANIZATION_URL: "javascript:x" }) },
      { job: jobRequest({ id: "j-2", name: "" }) },
    );
    expect(hook.texts).toEqual([
      "Job `Unit tests` of `shop` (`&lt;!channel&gt; &amp;`) failed after 0 s",
      "Job `j-2` failed after 0 s",
    ]);
  });
});

describe("a webhook that fails", () => {
  test("temporarily gets all messages in order", async () => {
    await using hook = openWebhook(status(500), status(429, { "retry-after": "0" }));
    await using t = await testPlugin(plugin, { config: { url: hook.url, "retry-delay": 0 } });
    await t.call("agent:job-ended", { result: "failed", job: job({}, { name: "one" }) });
    await t.call("agent:job-ended", { result: "failed", job: job({}, { name: "two" }) });
    while (hook.texts.length < 4) await Bun.sleep(5);
    expect(hook.texts.map((text) => text.split("`")[1])).toEqual(["one", "one", "one", "two"]);
    expect(linesOf(t)).toEqual([]);
  });

  test("permanently is an error after five attempts, without the address", async () => {
    await using hook = openWebhook(...Array.from({ length: 5 }, () => status(503)));
    await using t = await testPlugin(plugin, { config: { url: hook.url, "retry-delay": 0 } });
    await t.call("agent:job-ended", { result: "failed", job: job() });
    while (linesOf(t).length === 0) await Bun.sleep(5);
    expect(hook.texts).toHaveLength(5);
    expect(linesOf(t)).toEqual(["error: message could not be posted: the webhook answered 503"]);
    expect(JSON.stringify(t.logs)).not.toContain(hook.url);
    expect(JSON.stringify([t.logs, hook.texts])).not.toContain("hush-hush");
  });

  test("with a permanent error gets one attempt, and a redirect is not followed", async () => {
    await using other = openWebhook();
    await using hook = openWebhook(status(404), status(302, { location: other.url }));
    const logs = await notify({ url: hook.url }, { job: job() }, { job: job() });
    expect(logs).toEqual([
      "error: message could not be posted: the webhook answered 404",
      "error: message could not be posted: the webhook answered 302",
    ]);
    expect([hook.texts.length, other.texts.length]).toEqual([2, 0]);
  });

  test("by never answering delays neither a job nor, beyond the time of a clean-up, the agent", async () => {
    const never = Promise.withResolvers<Response>();
    await using hook = openWebhook(() => never.promise);
    const logs = await notify({ url: hook.url }, { job: job() }, { job: job() });
    expect(logs).toEqual([
      expect.stringContaining("error: message could not be posted: "),
      "error: 1 more messages could not be posted: the agent shut down",
    ]);
  });

  test("with a Retry-After of a minute gets one more attempt when the agent shuts down", async () => {
    await using hook = openWebhook(status(429, { "retry-after": "60" }));
    const t = await testPlugin(plugin, { config: { url: hook.url } });
    await t.call("agent:job-ended", { result: "failed", job: job() });
    while (hook.texts.length === 0) await Bun.sleep(5);
    await t[Symbol.asyncDispose]();
    expect([hook.texts.length, linesOf(t)]).toEqual([2, []]);
  });
});

test("at most a hundred messages are queued", async () => {
  const first = Promise.withResolvers<Response>();
  await using hook = openWebhook(() => first.promise);
  const t = await testPlugin(plugin, { config: { url: hook.url } });
  for (let index = 0; index < 102; index += 1)
    await t.call("agent:job-ended", { result: "failed", job: job() });
  const full = "error: message dropped: 100 messages are already queued";
  expect(linesOf(t)).toEqual([full, full]);
  first.resolve(new Response("ok"));
  await t[Symbol.asyncDispose]();
  expect(hook.texts).toHaveLength(100);
});

test("without a webhook the plugin uses no hook; the address may come from the environment", async () => {
  await using off = await testPlugin(plugin);
  expect(off.hooks).toEqual([]);
  await using on = await testPlugin(plugin, {
    env: { SEMAPHORE_AGENT_CHAT_NOTIFICATION_URL: "https://chat.example.com/hooks/x" },
  });
  expect(on.hooks).toEqual(["agent:job-ended"]);
});
