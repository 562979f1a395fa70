import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { askStatus, serveStatus } from "../../src/agent/status-socket.ts";
import type { AgentStatus } from "../../src/core/contracts/agent-status.ts";
import { silentLogger, tmpdir } from "../../src/testing/index.ts";

const status: AgentStatus = { version: "1.2.3", pid: 1, startedAt: 0, stateDirectory: "/state", slots: [] };

const serve = (directory: string, answer: unknown = status) =>
  serveStatus({ directory, status: { read: () => answer as AgentStatus }, logger: silentLogger });

describe("the status of an agent", () => {
  test("is answered on the socket in its directory any number of times, and the socket is removed with the agent", async () => {
    await using tmp = await tmpdir();
    {
      using _served = serve(tmp.path);
      const answers = await Promise.all([1, 2, 3].map(() => askStatus(tmp.path, 5000)));
      expect(answers).toEqual([1, 2, 3].map(() => ({ kind: "status", status })));
    }
    expect(readdirSync(tmp.path)).toEqual([]);
  });

  test("is complete when it is larger than a socket buffer", async () => {
    await using tmp = await tmpdir();
    const long = { ...status, slots: [{ slot: 0, state: "failed", error: "ä".repeat(2_000_000) }] } as const;
    using _served = serve(tmp.path, long);
    expect(await askStatus(tmp.path, 20_000)).toEqual({ kind: "status", status: long });
  });

  test("is available in a directory whose path is too long for a socket", async () => {
    await using tmp = await tmpdir();
    const directory = join(tmp.path, "d".repeat(100), "e".repeat(100));
    mkdirSync(directory, { recursive: true });
    using _served = serve(directory);
    expect(await askStatus(directory, 5000)).toEqual({ kind: "status", status });
  });

  test("of another version keeps unknown keys", async () => {
    await using tmp = await tmpdir();
    const newer = { ...status, slots: [{ slot: 0, state: "resting", mood: "good" }], weather: "fine" };
    using _served = serve(tmp.path, newer);
    expect(await askStatus(tmp.path, 5000)).toEqual({ kind: "status", status: newer as never });
  });
});

describe("no status", () => {
  test("means absent without an agent or after a killed agent", async () => {
    await using tmp = await tmpdir();
    const path = join(tmp.path, "status.sock");
    expect(await askStatus(tmp.path, 5000)).toEqual({ kind: "absent" });
    expect(await askStatus(join(tmp.path, "nowhere"), 5000)).toEqual({ kind: "absent" });
    const listen = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
    await Bun.spawn([process.execPath, "-e", listen]).exited;
    expect(readdirSync(tmp.path)).toEqual(["status.sock"]);
    expect(await askStatus(tmp.path, 5000)).toEqual({ kind: "absent" });
    using _served = serve(tmp.path);
    expect((await askStatus(tmp.path, 5000)).kind).toBe("status");
  });

  test("means silent when an agent does not answer", async () => {
    await using tmp = await tmpdir();
    using _listener = Bun.listen({ unix: join(tmp.path, "status.sock"), socket: { data() {} } });
    expect(await askStatus(tmp.path, 100)).toEqual({ kind: "silent", reason: "no answer within 0.1 s" });
  });

  test.each(["", "{", "null", "[]", '{"slots":"many"}', '{"slots":[1]}'])(
    "is silence, where the answer is %j",
    async (text) => {
      await using tmp = await tmpdir();
      using _listener = Bun.listen({
        unix: join(tmp.path, "status.sock"),
        socket: { data: (socket) => void socket.end(text) },
      });
      expect(await askStatus(tmp.path, 5000)).toEqual({ kind: "silent", reason: expect.any(String) });
    },
  );
});

test("an agent that cannot listen reports it once and continues", async () => {
  await using tmp = await tmpdir();
  const lines: string[] = [];
  const logger = { ...silentLogger, warn: (text: string) => void lines.push(text) };
  using _served = serveStatus({ directory: join(tmp.path, "gone"), status: { read: () => status }, logger });
  expect(lines).toEqual([
    expect.stringContaining(
      'status socket could not be opened, "signalman status" cannot reach this agent: ',
    ),
  ]);
});
