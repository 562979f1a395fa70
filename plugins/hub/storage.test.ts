import { expect, test } from "bun:test";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "signalman/testing";
import { callHub, createScriptedAgent, validLog, push, registration } from "./testing/scripted-agent.ts";
import type { Hub } from "./contract.ts";
import { createHub } from "./hub.ts";
import { durableDriver } from "./storage/durable-driver.ts";

/** Starts a hub in its own process. */
async function startHub(storage: string): Promise<{ url: string; token: string; kill(): Promise<void> }> {
  const main = join(import.meta.dir, "..", "..", "src", "main.ts");
  const child = Bun.spawn([process.execPath, main, "hub", "--port", "0", "--storage", storage], {
    stderr: "inherit",
  });
  let text = "";
  for await (const bytes of child.stdout) {
    text += new TextDecoder().decode(bytes);
    if (text.split("\n").length > 3) break;
  }
  const [, endpoint] = /hub listening on (\S+)/.exec(text)!;
  const [, token] = /registration token: (\S+)/.exec(text)!;
  return {
    url: `http://${endpoint}`,
    token: token!,
    async kill() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

test("a hub that is killed while it is busy restarts with everything that it acknowledged", async () => {
  await using tmp = await tmpdir();
  const events = (from: number, to: number): string[] =>
    Array.from({ length: to - from }, (_, index) =>
      JSON.stringify({ event: "cmd_output", timestamp: 1, output: `${from + index}\n` }),
    );
  let acknowledged = 0;
  let token = "";
  let jobId = "";
  let logToken = "";
  let registrationToken = "";
  for (let round = 0; round < 4; round += 1) {
    const hub = await startHub(tmp.path);
    if (round === 0) {
      registrationToken = hub.token;
      const job = await (
        await fetch(`${hub.url}/hub/jobs`, { method: "POST", body: "commands: [make]" })
      ).json();
      jobId = (job as { id: string }).id;
      const registered = await callHub(hub, "/register", { token: hub.token, body: registration });
      token = String(registered.json["token"]);
      const body = { state: "waiting-for-jobs", job_id: "", job_result: "", interrupted_at: 0 };
      expect((await callHub(hub, "/sync", { token, body })).json["job_id"]).toBe(jobId);
      const fetched = await callHub(hub, `/jobs/${jobId}`, { token, method: "GET" });
      logToken = (fetched.json["logger"] as { token: string }).token;
    }
    expect(hub.token).toBe(registrationToken);
    const log = await (await fetch(`${hub.url}/hub/jobs/${jobId}/log`)).text();
    const lines = log.split("\n").slice(0, -1);
    // The last batch may be stored although its answer was lost.
    expect(lines.length).toBeGreaterThanOrEqual(acknowledged);
    expect(lines).toEqual(events(0, lines.length));

    const logger = { url: `${hub.url}/api/v1/logs/${jobId}`, token: logToken };
    const pushing = (async () => {
      for (;;) {
        const size = 1 + ((acknowledged * 7) % 50);
        const { status } = await push(logger, acknowledged, events(acknowledged, acknowledged + size));
        expect(status).toBe(200);
        acknowledged += size;
      }
    })().catch(() => {});
    await Bun.sleep(40 + 35 * round);
    await hub.kill();
    await pushing;
  }
  expect(acknowledged).toBeGreaterThan(10);

  await using hub = await createHub({ storage: tmp.path });
  expect(hub.agents).toMatchObject([{ name: "scripted-agent", jobId }]);
  const body = { state: "finished-job", job_id: jobId, job_result: "passed", interrupted_at: 0 };
  expect((await callHub(hub, "/sync", { token, body })).json["action"]).toBe("wait-for-jobs");
  expect(hub.job(jobId)).toMatchObject({ result: "passed" });
});

test("a restarted hub has the same queue, results, archived and trimmed logs, and violations", async () => {
  await using tmp = await tmpdir();
  const options = { storage: tmp.path, logLimitBytes: 1000, syncIntervalMs: 0 };
  const snapshot = ({ jobs, agents, token, violations }: Hub, logs: unknown): unknown => ({
    jobs,
    agents,
    token,
    violations: violations.list,
    logs,
  });
  let before: unknown;
  {
    await using hub = await createHub(options);
    const [first, second] = [await hub.submit("commands: [make]"), await hub.submit("commands: []")];
    await hub.submit("commands: []");
    const agent = await createScriptedAgent(hub);
    const logger = await agent.take(first.id);
    await push(logger, 0, validLog("whole\n"));
    await agent.sync("finished-job", { job_id: first.id, job_result: "failed" });
    const next = await agent.take(second.id);
    await push(next, 0, Array<string>(30).fill(validLog()[0]!));
    await push(next, 30, validLog());
    await createScriptedAgent(hub, { name: "other-agent" }).then((other) => other.disconnect());
    before = snapshot(
      hub,
      hub.jobs.map(({ id }) => hub.log(id)),
    );
    expect(hub.violations.list.length).toBeGreaterThan(0);
  }
  await using hub = await createHub(options);
  expect(
    snapshot(
      hub,
      hub.jobs.map(({ id }) => hub.log(id)),
    ),
  ).toEqual(before);
});

test("access tokens are never stored, and the secrets of a fetched job are removed from the disk", async () => {
  await using tmp = await tmpdir();
  let now = Date.now();
  await using hub = await createHub({ storage: tmp.path, now: () => now });
  const { id } = await hub.submit("commands: []\nenv: { PASSWORD: hunter2hunter2 }");
  const registered = await callHub(hub, "/register", { token: hub.token, body: registration });
  const token = String(registered.json["token"]);
  const read = async (): Promise<string> =>
    (
      await Array.fromAsync(new Bun.Glob("**/*").scan(tmp.path), (path) =>
        Bun.file(join(tmp.path, path)).text(),
      )
    ).join();
  const secret = Buffer.from("hunter2hunter2").toString("base64");
  expect(await read()).toContain(secret);
  const body = { state: "waiting-for-jobs", job_id: "", job_result: "", interrupted_at: 0 };
  await callHub(hub, "/sync", { token, body });
  await callHub(hub, `/jobs/${id}`, { token, method: "GET" });
  now += 1000;
  await hub.clean();
  const text = await read();
  expect(text).not.toContain(secret);
  expect(text).not.toContain(token);
  for (const entry of readdirSync(tmp.path, { recursive: true }) as string[]) {
    expect(statSync(join(tmp.path, entry)).mode & 0o077).toBe(0);
  }
});

test("two hubs cannot share a storage; the lock of a killed hub is released", async () => {
  await using tmp = await tmpdir();
  const killed = await startHub(tmp.path);
  await expect(createHub({ storage: tmp.path })).rejects.toMatchObject({ code: "FILE_FAILED" });
  await killed.kill();
  await using hub = await createHub({ storage: tmp.path });
  await expect(createHub({ storage: tmp.path })).rejects.toThrow(/is in use by another hub \(pid \d+\)/);
  await hub.stop();
  await using again = await createHub({ storage: tmp.path });
  expect(again.jobs).toEqual([]);
});

test("an incomplete file of a crash is ignored", async () => {
  await using tmp = await tmpdir();
  const driver = durableDriver(tmp.path);
  await driver.setItem?.("jobs:a", "1", {});
  await driver.setItemRaw?.("jobs:a", Buffer.from("22"), {});
  await Bun.write(join(tmp.path, "jobs", "b.part"), "{");
  expect(await driver.getKeys("jobs", {})).toEqual(["jobs/a"]);
  expect(await driver.getItem("jobs:a")).toBe("22");
});

test("an unreadable storage is reported with its path", async () => {
  await using tmp = await tmpdir();
  await Bun.write(join(tmp.path, "jobs", "torn"), "{");
  await expect(createHub({ storage: tmp.path })).rejects.toThrow(`opening the storage "${tmp.path}" failed`);
});

test.each(["../../../x", "a:b", "", "x".repeat(300)])(
  "a job with the id %j is refused, and the hub continues",
  async (id) => {
    await using tmp = await tmpdir();
    await using hub = await createHub({ storage: tmp.path });
    const submit = (query: string) =>
      fetch(`${hub.url}/hub/jobs${query}`, { method: "POST", body: "commands: [make]" });
    for (const raw of ["", "&as-it-is"]) {
      const refused = await submit(`?id=${encodeURIComponent(id)}${raw}`);
      expect([refused.status, await refused.text()]).toEqual([422, expect.stringContaining("is not a UUID")]);
    }
    expect((await submit("")).status).toBe(201);
    expect((await submit(`?id=${crypto.randomUUID()}`)).status).toBe(201);
  },
);
