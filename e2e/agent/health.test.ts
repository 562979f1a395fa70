import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import path from "node:path";
import { type Family, parseExposition, valueOf } from "../../plugins/health/testing/exposition.ts";
import type { AgentStatus } from "../../src/core/contracts/agent-status.ts";
import { createScene, waitForFile, type Scene } from "../support/agents.ts";
import type { Running } from "../support/fixtures.ts";
import { registrationToken } from "../support/hub-process.ts";
import { runJob, until } from "../support/jobs.ts";

/** Creates a client for an agent's health server, whose port the agent has chosen. */
function clientOf(agent: Running) {
  const address = /health, status and metrics are at (\S+)/.exec(agent.stdout)![1]!;
  const get = (page: string) => fetch(`${address}${page}`);
  return {
    address,
    get,
    json: async <T>(page: string) => (await (await get(page)).json()) as T,
    scrape: async (): Promise<ReadonlyMap<string, Family>> =>
      parseExposition(await (await get("/metrics")).text()),
  };
}

const startHealthy = async (scene: Scene, args: readonly string[] = []) => {
  const agent = await scene.readyAgent(["--health-listen", "127.0.0.1:0", ...args]);
  return { agent, ...clientOf(agent) };
};

type Readiness = { ready: boolean; reasons: { reason: string; slot?: number; message: string }[] };

describe("an agent with a health server", () => {
  test.concurrent("and two slots reports the state of running and finished jobs", async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    const { agent, get, json, scrape } = await startHealthy(scene, [
      "--slots",
      "2",
      "--name",
      "agent-of-two",
    ]);
    await until("both slots are ready", async () => (await get("/readyz")).status === 200);

    const wait = `touch ${tester.home}/here; while [ ! -e ${tester.home}/go ]; do sleep 0.05; done`;
    const id = await hub.submit({ commands: ["echo hello", wait] });
    await waitForFile(path.join(tester.home, "here"));
    const [status, during] = [await json<AgentStatus>("/status"), await scrape()];
    const job = status.slots.find((slot) => slot.job)?.job;
    expect([job?.id, job?.executor, job?.phase]).toEqual([id, "shell", "running"]);
    expect(valueOf(during, "signalman_jobs_running")).toBe(1);
    expect(valueOf(during, "signalman_slots", { state: "running" })).toBe(1);
    expect(valueOf(during, "signalman_slots", { state: "waiting" })).toBe(1);
    expect(valueOf(during, "signalman_jobs_total", { executor: "shell", result: "passed" })).toBe(0);
    expect(valueOf(during, "signalman_log_bytes_total")).toBeGreaterThan(0);

    await tester.write("go", "");
    const failing = await hub.submit({ commands: ["exit 3"] });
    await Promise.all([hub.done(id), hub.done(failing)]);
    await until("nothing waits", async () => valueOf(await scrape(), "signalman_log_waiting_bytes") === 0);
    const after = await scrape();
    const total = (result: string) => valueOf(after, "signalman_jobs_total", { executor: "shell", result });
    expect(["passed", "failed", "stopped"].map(total)).toEqual([1, 1, 0]);
    expect(valueOf(after, "signalman_job_duration_seconds_count")).toBe(2);
    expect(valueOf(after, "signalman_jobs_running")).toBe(0);
    expect(valueOf(after, "signalman_job_cpu_seconds_total")).toBeGreaterThan(0);
    expect(valueOf(after, "signalman_job_peak_memory_bytes_count")).toBe(2);
    expect(valueOf(after, "signalman_sync_duration_seconds_count")).toBeGreaterThan(2);
    expect(after.get("signalman_last_sync_timestamp_seconds")!.samples).toHaveLength(2);
    const written = valueOf(after, "signalman_log_bytes_total");
    expect(written).toBeGreaterThan(100);
    expect(valueOf(after, "signalman_log_delivered_bytes_total")).toBe(written!);
    expect(valueOf(after, "signalman_log_trimmed_bytes_total")).toBe(0);
    for (const page of ["/healthz", "/readyz", "/status", "/metrics", "/else"]) {
      expect(await (await get(page)).text()).not.toContain(registrationToken);
    }
    agent.kill("SIGTERM");
    expect((await agent.finished).exitCode).toBe(0);
  });

  test.concurrent("answers while a job prints without a pause", async () => {
    await using scene = await createScene();
    const { get, scrape } = await startHealthy(scene);
    const id = await scene.hub.submit({ commands: ["yes 'a line of a job that floods' | head -c 40000000"] });
    const done = scene.hub.done(id);
    for (let seen = 0; (await Promise.race([done, Bun.sleep(1)])) === undefined;) {
      const bytes = valueOf(await scrape(), "signalman_log_bytes_total")!;
      expect(bytes).toBeGreaterThanOrEqual(seen);
      expect([200, 503]).toContain((await get("/readyz")).status);
      seen = bytes;
    }
    expect((await done).result).toBe("passed");
    const last = await scrape();
    expect(valueOf(last, "signalman_log_bytes_total")).toBeGreaterThan(40_000_000);
    // The hub accepts 16 MB of a log; the rest is counted as trimmed.
    expect(valueOf(last, "signalman_log_trimmed_bytes_total")).toBeGreaterThan(20_000_000);
    expect(
      valueOf(last, "signalman_log_delivered_bytes_total")! +
        valueOf(last, "signalman_log_trimmed_bytes_total")!,
    ).toBe(valueOf(last, "signalman_log_bytes_total")!);
  });

  test.concurrent("is not ready while its syncs fail, and becomes ready again", async () => {
    await using scene = await createScene();
    const { get, json, scrape } = await startHealthy(scene);
    await scene.hub.addFault({ on: "sync/waiting-for-jobs", kind: "status", status: 500 });
    await until("it is not ready", async () => (await get("/readyz")).status === 503);
    const { reasons } = await json<Readiness>("/readyz");
    expect(reasons).toEqual([{ reason: "sync-failed", slot: 0, message: expect.stringContaining("500") }]);
    expect(valueOf(await scrape(), "signalman_sync_failures_total")).toBeGreaterThan(0);
    expect((await get("/healthz")).status).toBe(200);
    await scene.hub.clearFaults();
    await until("it is ready", async () => (await get("/readyz")).status === 200);
  });

  test.concurrent("that drains is not ready but healthy until it exits, and does not wait for open connections", async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    const { agent, address, get, json } = await startHealthy(scene);
    const id = await hub.submit({
      commands: [`touch ${tester.home}/here; while [ ! -e ${tester.home}/go ]; do sleep 0.05; done`],
    });
    await waitForFile(path.join(tester.home, "here"));
    agent.kill("SIGQUIT");
    await until("it is not ready", async () => (await get("/readyz")).status === 503);
    expect(await json<Readiness>("/readyz")).toEqual({
      ready: false,
      reasons: [{ reason: "draining", message: "the agent takes no further jobs: requested" }],
    });
    expect((await get("/healthz")).status).toBe(200);
    const { hostname, port } = new URL(address);
    using silent = await Bun.connect({ hostname, port: Number(port), socket: { data() {} } });
    await tester.write("go", "");
    expect((await hub.done(id)).result).toBe("passed");
    expect((await agent.finished).exitCode).toBe(0);
    expect(silent.readyState).not.toBe(0);
    expect(get("/healthz")).rejects.toThrow();
  });

  test.concurrent("answers a probe while a job holds a hundred connections without a request", async () => {
    await using scene = await createScene();
    const { address, get } = await startHealthy(scene);
    const { port } = new URL(address);
    const hold = `exec {fd}<>/dev/tcp/127.0.0.1/${port} && printf 'GET /healthz HTTP/1.1\\r\\nX: ' >&$fd`;
    await scene.hub.submit({
      commands: [`for i in {1..100}; do ${hold}; done; touch ${scene.tester.home}/held; sleep 60`],
    });
    await waitForFile(path.join(scene.tester.home, "held"));
    expect((await get("/healthz")).status).toBe(200);
  });

  test.concurrent("reveals nothing to a web page whose name resolves to this host", async () => {
    await using scene = await createScene();
    const { address } = await startHealthy(scene);
    for (const page of ["/status", "/metrics", "/readyz"]) {
      const answer = await fetch(`${address}${page}`, { headers: { Host: "evil.example" } });
      expect(answer.status).toBe(403);
      expect(await answer.text()).toStartWith('host "evil.example" is not accepted');
    }
  });

  test.concurrent("reuses the socket file of a killed agent", async () => {
    await using scene = await createScene();
    const socket = path.join(scene.tester.home, "health.sock");
    const ask = () => fetch("http://agent/healthz", { unix: socket });
    const first = await scene.readyAgent(["--health-listen", `unix:${socket}`]);
    expect((await ask()).status).toBe(200);
    first.kill("SIGKILL");
    await first.finished;
    expect(existsSync(socket)).toBe(true);
    const second = await scene.readyAgent(["--health-listen", `unix:${socket}`]);
    expect((await ask()).status).toBe(200);
    second.kill("SIGTERM");
    expect((await second.finished).exitCode).toBe(0);
    expect(existsSync(socket)).toBe(false);
  });
});

describe("an agent with an invalid listen address does not start", () => {
  const refused = async (scene: Scene, listen: string): Promise<string> => {
    const { exitCode, stdout, stderr } = await scene.agent(["--health-listen", listen]).finished;
    expect(exitCode).toBe(1);
    expect(await scene.hub.agents()).toEqual([]);
    return stdout + stderr;
  };

  test.concurrent("a port in use is reported with address and option", async () => {
    await using scene = await createScene();
    const message = await refused(scene, scene.hub.endpoint);
    expect(message).toContain(
      `cannot listen on http://${scene.hub.endpoint} (health-listen): another process listens on it`,
    );
  });

  test.concurrent("a socket path that is too long is reported with the limit", async () => {
    await using scene = await createScene();
    const message = await refused(scene, `unix:/tmp/${"x".repeat(103)}`);
    expect(message).toContain("the socket path has 108 bytes, but the system allows 107");
  });
});

test.concurrent("`signalman run` starts no health server, even if the port is in use", async () => {
  await using scene = await createScene();
  const options = { env: { SEMAPHORE_AGENT_HEALTH_LISTEN: scene.hub.endpoint } };
  const { exitCode, stdout } = await runJob(scene.tester, { commands: ["echo hello"] }, [], options);
  expect([exitCode, stdout]).toEqual([0, expect.stringContaining("hello\n")]);
});
