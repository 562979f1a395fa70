import { describe, expect, test } from "bun:test";
import { appendFileSync, truncateSync, writeFileSync } from "node:fs";
import { agentLogBytes, createApiScene, sign } from "./testing/api-scene.ts";

const job = (id: string) => JSON.stringify({ job_id: id, commands: [{ directive: "true" }] });

describe("the API", () => {
  test("answers who it is and in which state", async () => {
    await using scene = await createApiScene();
    const alive = await scene.fetch("/is_alive", { headers: { Authorization: "" } });
    expect([alive.status, await alive.text()]).toEqual([200, "yes"]);
    expect(await (await scene.fetch("/status")).json()).toEqual({
      state: "waiting-for-job",
      version: "1.2.3",
    });
    await scene.fetch("/jobs", { method: "POST", body: job("a") });
    expect(await (await scene.fetch("/status")).json()).toEqual({ state: "job-received", version: "1.2.3" });
  });

  test.each(["/status", "/jobs/a/log", "/agent_logs"])(
    "refuses GET %s without a valid token",
    async (path) => {
      await using scene = await createApiScene();
      const none = await scene.fetch(path, { headers: { Authorization: "" } });
      expect([none.status, await none.json()]).toEqual([401, "An authorization header is required"]);
      const wrong = await scene.fetch(path, {
        headers: { Authorization: `Bearer ${sign({}, { alg: "HS256" }, "x")}` },
      });
      expect([wrong.status, await wrong.json()]).toEqual([401, "Invalid authorization token"]);
    },
  );

  test.each(["/jobs", "/stop", "/jobs/terminate"])("refuses POST %s without a valid token", async (path) => {
    await using scene = await createApiScene();
    const headers = { Authorization: "Bearer x" };
    const answer = await scene.fetch(path, { method: "POST", body: job("a"), headers });
    expect([answer.status, await answer.json()]).toEqual([401, "Invalid authorization token"]);
    expect(scene.submitted).toEqual([]);
    expect(scene.calls.stops).toBe(0);
  });

  test("answers a client of HTTP/1.0, which names its version in the TLS handshake", async () => {
    await using scene = await createApiScene();
    const socket = await scene.connect({ ALPNProtocols: ["http/1.0"] });
    const answer = new Promise<string>((resolve) => socket.once("data", (bytes) => resolve(String(bytes))));
    socket.write("GET /is_alive HTTP/1.0\r\n\r\n");
    expect(await answer).toEndWith("yes");
    socket.destroy();
  });

  test("redirects a trailing slash to the bare path", async () => {
    await using scene = await createApiScene();
    for (const [path, target] of [
      ["/is_alive/", "/is_alive"],
      ["/jobs/a/log/?start_from=3", "/jobs/a/log?start_from=3"],
    ] as const) {
      const { status, headers } = await scene.fetch(path);
      expect([status, headers.get("location")]).toEqual([301, target]);
    }
  });

  test.each([
    ["GET", "/", 404],
    ["GET", "/../is_alive", 200],
    ["GET", "/is_alive//", 404],
    ["GET", "/jobs/a/../../../etc/passwd", 404],
    ["GET", "/jobs/%2e%2e%2f%2e%2e%2fetc%2fpasswd/log", 404],
    ["GET", "/jobs/%/log", 404],
    ["GET", "/jobs/a%00/log", 404],
    ["GET", "/agent_logs/../../etc/passwd", 404],
    ["GET", "/jobs", 405],
    ["DELETE", "/jobs", 405],
    ["GET", "/stop", 405],
    ["HEAD", "/is_alive", 405],
  ] as const)("answers %s %s with %d", async (method, path, status) => {
    await using scene = await createApiScene();
    expect((await scene.fetch(path, { method })).status).toBe(status);
  });

  test("reads the agent's log, or answers 404 without one", async () => {
    await using scene = await createApiScene();
    expect((await scene.fetch("/agent_logs")).status).toBe(404);
    const text = "a line\n".repeat(200_000);
    writeFileSync(scene.agentLog, text);
    expect(await (await scene.fetch("/agent_logs")).text()).toBe(text);
  });

  test("reads the end of an agent's log that a job has made larger than any agent does", async () => {
    await using scene = await createApiScene();
    writeFileSync(scene.agentLog, "the first line\n");
    truncateSync(scene.agentLog, 2 ** 40);
    appendFileSync(scene.agentLog, "the last line\n");
    const text = await (await scene.fetch("/agent_logs")).text();
    expect(text).toHaveLength(agentLogBytes);
    expect(text).toEndWith("\0the last line\n");
  });
});

describe("a job request", () => {
  test.each([
    ["text that is no JSON", "{bad"],
    ["nothing", ""],
    ["a number", "7"],
    ["null", "null"],
    ["a list", "[]"],
    ["an object without commands", '{"job_id": "a"}'],
    ["commands that are a text", '{"job_id": "a", "commands": "true"}'],
    ["a job without an id", '{"commands": []}'],
    ["an id with a path", '{"job_id": "../a", "commands": []}'],
    ["bytes that are no UTF-8", Buffer.from([0x7b, 0xff, 0x7d])],
    ["deep nesting", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
  ] as const)("with %s is refused with 422", async (_name, body) => {
    await using scene = await createApiScene();
    const answer = await scene.fetch("/jobs", { method: "POST", body });
    expect(answer.status).toBe(422);
    expect(typeof ((await answer.json()) as { message: unknown }).message).toBe("string");
    expect(scene.submitted).toEqual([]);
  });

  test("is accepted once, and another one is refused", async () => {
    await using scene = await createApiScene();
    const submit = async (id: string) => {
      const answer = await scene.fetch("/jobs", { method: "POST", body: job(id) });
      return [answer.status, await answer.text()];
    };
    expect(await submit("a")).toEqual([200, '{"message": "ok"}']);
    expect(await submit("a")).toEqual([200, '{"message": "job is already running"}']);
    expect(await submit("b")).toEqual([422, '{"message": "another job is already running"}']);
    expect(scene.submitted[0]?.logger.method).toBe("pull");
  });

  test("of 64 MB is accepted, and one of 100 MB is refused", async () => {
    await using scene = await createApiScene();
    const content = Buffer.alloc(64 * 1024 * 1024, 97).toString("base64");
    const body = JSON.stringify({
      job_id: "large",
      commands: [],
      files: [{ path: "a", mode: "0644", content }],
    });
    expect((await scene.fetch("/jobs", { method: "POST", body })).status).toBe(200);
    expect(scene.submitted[0]?.files[0]?.content).toHaveLength(content.length);
    const answer = await scene.fetch("/jobs", { method: "POST", body: Buffer.alloc(100_000_000, 32) });
    expect(answer.status).toBe(413);
    expect(await scene.fetch("/is_alive").then((alive) => alive.status)).toBe(200);
  });
});

describe("the log of a job", () => {
  test("begins at start_from; anything but an index is the beginning", async () => {
    await using scene = await createApiScene();
    expect((await scene.fetch("/jobs/a/log")).status).toBe(404);
    await scene.fetch("/jobs", { method: "POST", body: job("a") });
    scene.lines = ["one\n", "two\n", "three\n"];
    const read = async (query: string) => (await scene.fetch(`/jobs/a/log${query}`)).text();
    expect(await read("")).toBe("one\ntwo\nthree\n");
    expect(await read("?start_from=1")).toBe("two\nthree\n");
    expect(await read("?start_from=3")).toBe("");
    for (const odd of ["-1", "x", "", "1.5", "0x1", "1e1", "%00"]) {
      expect(await read(`?start_from=${odd}`)).toBe("one\ntwo\nthree\n");
    }
    const other = await scene.fetch("/jobs/b%22/log");
    expect([other.status, await other.json()]).toEqual([403, { message: 'job b" is not running' }]);
  });

  test("is archived by an archivator only", async () => {
    await using scene = await createApiScene();
    await scene.fetch("/jobs", { method: "POST", body: job("a") });
    await scene.fetch("/jobs/a/log");
    await scene.fetch("/jobs/a/log", { headers: { "X-Client-Name": "browser" } });
    expect(scene.calls.archived).toBe(0);
    await (await scene.fetch("/jobs/a/log", { headers: { "X-Client-Name": "archivator" } })).text();
    expect(scene.calls.archived).toBe(1);
  });

  test("is stopped by either path", async () => {
    await using scene = await createApiScene();
    expect((await scene.fetch("/stop", { method: "POST" })).status).toBe(200);
    await scene.fetch("/jobs", { method: "POST", body: job("a") });
    expect((await scene.fetch("/stop", { method: "POST" })).status).toBe(200);
    expect((await scene.fetch("/jobs/terminate", { method: "POST" })).status).toBe(200);
    expect(scene.calls.stops).toBe(2);
  });
});
