import { describe, expect, test } from "bun:test";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { testPlugin, tmpdir } from "signalman/testing";
import plugin from "./index.ts";
import { sendRaw, startHealth } from "./testing/scene.ts";

const warnings = (logs: readonly { level: string; message: string }[]) =>
  logs.filter(({ level }) => level === "warn").map(({ message }) => message);

describe("pages", () => {
  test("/healthz is 200 with any state of the slots", async () => {
    await using health = await startHealth();
    health.setSlots({ state: "failed", error: "boom" });
    const answer = await health.get("/healthz");
    expect([answer.status, await answer.text()]).toEqual([200, "ok\n"]);
  });

  test("/status has the agent's status and versions", async () => {
    await using health = await startHealth();
    const answer = await health.get("/status?pretty");
    expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(await answer.json()).toEqual({
      version: "1.2.3",
      pid: 7,
      startedAt: 0,
      stateDirectory: "/state",
      slots: [{ slot: 0, state: "waiting", name: "an-agent" }],
      versions: { signalman: "1.2.3", bun: Bun.version },
    });
  });

  test("HEAD has the headers of GET and no body", async () => {
    await using health = await startHealth();
    const answer = await health.get("/healthz", { method: "HEAD" });
    expect([answer.status, answer.headers.get("content-length"), await answer.text()]).toEqual([
      200,
      "3",
      "",
    ]);
  });

  test.each(["POST", "PUT", "DELETE", "OPTIONS"])("%s is 405 with the allowed methods", async (method) => {
    await using health = await startHealth();
    const answer = await health.get("/metrics", { method });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  test.each(["/", "/metrics/", "/toString", "/%2e%2e/etc/passwd"])(
    "%s is 404 with the known paths",
    async (path) => {
      await using health = await startHealth();
      const answer = await health.get(path);
      expect(answer.status).toBe(404);
      expect(await answer.text()).toContain("known: /healthz, /readyz, /status, /metrics");
    },
  );

  test("a request body is not read", async () => {
    await using health = await startHealth();
    const head = "POST /status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nthe beginning";
    expect(await sendRaw(health.address, head)).toStartWith("HTTP/1.1 405 ");
    expect(await sendRaw(health.address, head.replace("POST", "GET"))).toStartWith("HTTP/1.1 200 ");
  });

  test("a malformed request is rejected, and the next request is served", async () => {
    await using health = await startHealth();
    expect(await sendRaw(health.address, "\u0000\u0001 garbage\r\n\r\n")).not.toContain("200");
    expect((await health.get("/healthz")).status).toBe(200);
  });
});

test("a failed page is 500 and an error in the log, and other pages still work", async () => {
  await using health = await startHealth();
  health.setSlots({ sync: null as never, state: "running", job: 1 as never });
  const answer = await health.get("/metrics");
  expect([answer.status, await answer.text()]).toEqual([500, "internal error, see the log of the agent\n"]);
  expect(health.t.logs.at(-1)).toMatchObject({
    level: "error",
    message: expect.stringContaining("request for /metrics failed: "),
  });
  expect((await health.get("/healthz")).status).toBe(200);
});

describe("the server listens", () => {
  test("nowhere without health-listen, and the plugin then uses no hook", async () => {
    await using t = await testPlugin(plugin, { roles: ["agent"] });
    expect(t.hooks).toEqual([]);
  });

  test.each(["127.0.0.1:0", "[::1]:0", "localhost:0"])(
    "on %s, which only this host can reach, without a warning",
    async (listen) => {
      await using health = await startHealth(listen);
      expect(health.address).toMatch(/:[1-9]\d*$/);
      expect((await health.get("/healthz")).status).toBe(200);
      expect(warnings(health.t.logs)).toEqual([]);
    },
  );

  test.each([":0", "0.0.0.0:0"])("on %s, which other hosts can reach, with a warning", async (listen) => {
    await using health = await startHealth(listen);
    expect((await health.get("/healthz")).status).toBe(200);
    expect(warnings(health.t.logs)).toEqual([expect.stringContaining("no authentication")]);
  });

  test("on a socket with mode 0600, which is removed at the end", async () => {
    await using tmp = await tmpdir();
    const path = join(tmp.path, "health.sock");
    {
      await using health = await startHealth(`unix:${path}`);
      expect((await health.get("/healthz")).status).toBe(200);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(warnings(health.t.logs)).toEqual([]);
    }
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });

  test("on a stale socket of a killed agent", async () => {
    await using tmp = await tmpdir();
    const path = join(tmp.path, "health.sock");
    const listen = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
    await Bun.spawn([process.execPath, "-e", listen]).exited;
    expect(statSync(path).isSocket()).toBe(true);
    await using health = await startHealth(`unix:${path}`);
    expect((await health.get("/healthz")).status).toBe(200);
  });

  test.each([
    ["9600", "expected HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH"],
    ["::1:9600", 'such as 127.0.0.1:9600; received "::1:9600"'],
    ["http://127.0.0.1:9600", "expected HOST:PORT"],
    ["[127.0.0.1]:9600", '"127.0.0.1" is not an IPv6 address'],
    ["127.0.0.1:65536", "invalid port 65536"],
    ["unix:", 'expected a path after "unix:"'],
    [
      `unix:/tmp/${"ä".repeat(60)}`,
      "the socket path has 125 bytes, but the system allows 107: use a shorter one",
    ],
  ])("not on %s, which is an invalid configuration", async (listen, message) => {
    expect(testPlugin(plugin, { flags: { "health-listen": listen } })).rejects.toThrow(message);
  });
});

describe("the agent does not start", () => {
  test("with a port in use, and the error has address and option", async () => {
    await using first = await startHealth();
    const listen = new URL(first.address).host;
    expect(startHealth(listen)).rejects.toThrow(
      `cannot listen on ${first.address} (health-listen): another process listens on it`,
    );
  });

  test("with an address of another host", async () => {
    expect(startHealth("203.0.113.1:0")).rejects.toThrow("this host does not have this address");
  });

  test("with a name that cannot be resolved", async () => {
    await expect(startHealth("nowhere.invalid:9600")).rejects.toThrow(
      "cannot listen on http://nowhere.invalid:9600 (health-listen): the name cannot be resolved",
    );
  });

  test("with a socket in use, which is kept", async () => {
    await using tmp = await tmpdir();
    const listen = `unix:${join(tmp.path, "health.sock")}`;
    await using first = await startHealth(listen);
    expect(startHealth(listen)).rejects.toThrow(`${listen} (health-listen): another process listens on it`);
    expect((await first.get("/healthz")).status).toBe(200);
  });

  test("with the path of a file, which is kept", async () => {
    await using tmp = await tmpdir();
    const path = join(tmp.path, "precious");
    writeFileSync(path, "data");
    expect(startHealth(`unix:${path}`)).rejects.toThrow("is not a socket");
    expect(await Bun.file(path).text()).toBe("data");
  });

  test("with a path in a missing directory", async () => {
    expect(startHealth("unix:/nonexistent/health.sock")).rejects.toThrow("its directory does not exist");
  });
});
