import { describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { join } from "node:path";
import { testPlugin, tmpdir } from "signalman/testing";
import plugin from "./index.ts";
import { command, createBoard, job, openPage, output } from "./testing/scene.ts";

const tokens = { token: "write-token", "read-token": "read-token" };
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

describe("the configuration", () => {
  test("of an address that other hosts can reach needs a token", async () => {
    const message = "set page-token, page-read-token or one of their files";
    await expect(testPlugin(plugin, { config: { listen: ":9610" } })).rejects.toThrow(message);
    await expect(testPlugin(plugin, { config: { listen: "ci.example:9610" } })).rejects.toThrow(message);
    await using _ = await testPlugin(plugin, { config: { listen: ":9610", token: "t" } });
  });

  test.each(["9610", "localhost", "unix:relative", "127.0.0.1:70000"])("refuses %p", async (listen) => {
    await expect(testPlugin(plugin, { config: { listen } })).rejects.toThrow("expected HOST:PORT");
  });

  test("takes tokens from files, which must not be empty", async () => {
    await using tmp = await tmpdir();
    const file = join(tmp.path, "token");
    await Bun.write(file, "from-a-file\n");
    await using page = await openPage({ "token-file": file });
    expect((await page.get("/api/overview", bearer("from-a-file"))).status).toBe(200);
    await Bun.write(file, "\n");
    await expect(openPage({ "token-file": file })).rejects.toThrow("is empty: expected a token");
  });
});

describe("access", () => {
  test("without tokens every client at the address may read, and none may change anything", async () => {
    await using page = await openPage();
    expect((await page.get("/api/overview")).status).toBe(200);
    const refused = await page.post("/api/jobs/a-job/stop");
    expect([refused.status, page.board.done]).toEqual([403, []]);
  });

  test.each([
    ["agent", {}, true],
    ["agent", { "read-token": "r" }, false],
    ["hub", {}, false],
  ] as const)("the page of %s with %p warns that jobs can read it: %p", async (kind, config, isWarned) => {
    await using page = await openPage(config, createBoard({ kind }));
    const warnings = page.t.logs.filter(({ level }) => level === "warn");
    expect(warnings.length > 0).toBe(isWarned);
  });

  test.each([
    ["no token", {}, 401, 401],
    ["a wrong token", bearer("wrong"), 401, 401],
    ["an empty token", { Authorization: "Bearer " }, 401, 401],
    ["an empty cookie", { Cookie: "signalman-page=" }, 401, 401],
    ["the read token", bearer("read-token"), 200, 403],
    ["the write token", bearer("write-token"), 200, 200],
  ])("with tokens, %s: reading %p, writing %p", async (_, headers, reading, writing) => {
    await using page = await openPage(tokens);
    page.board.add("a-job", output("a line\n"));
    const paths = [
      "overview",
      "events",
      "jobs/a-job",
      "jobs/a-job/rows",
      "jobs/a-job/plain",
      "jobs/a-job/raw",
    ];
    for (const path of paths) {
      const answer = await page.get(`/api/${path}`, headers);
      await answer.body?.cancel();
      expect([path, answer.status]).toEqual([path, reading]);
    }
    expect((await page.post("/api/jobs/a-job/stop", "", headers)).status).toBe(writing);
    expect(page.board.done).toEqual(writing === 200 ? ["stop a-job"] : []);
  });

  test("a browser gets a cookie for a token, which does not contain it", async () => {
    await using page = await openPage(tokens);
    const entered = await page.post("/api/session", "read-token");
    const cookie = entered.headers.get("set-cookie")!;
    expect(cookie).toMatch(/^signalman-page=[0-9a-f]{64}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict$/);
    const headers = { Cookie: cookie.split(";", 1)[0]! };
    expect((await page.get("/api/overview", headers)).status).toBe(200);
    expect((await page.post("/api/jobs/a-job/stop", "", headers)).status).toBe(403);
    expect((await page.post("/api/session", "wrong")).status).toBe(401);
  });

  test("pages of other origins are refused, also those that resolve to this host", async () => {
    await using page = await openPage(tokens);
    const write = bearer("write-token");
    const stop = async (headers: Record<string, string>) =>
      (await page.post("/api/jobs/a-job/stop", "", { ...write, ...headers })).status;
    expect(await stop({ Origin: "http://evil.example" })).toBe(403);
    expect(await stop({ Origin: "null" })).toBe(403);
    expect(await stop({ "Sec-Fetch-Site": "cross-site" })).toBe(403);
    expect(await stop({ "Sec-Fetch-Site": "same-site" })).toBe(403);
    expect(await stop({ Host: "evil.example" })).toBe(403);
    expect(page.board.done).toEqual([]);
    expect(await stop({ Origin: page.url, "Sec-Fetch-Site": "same-origin" })).toBe(200);
  });

  test("every answer forbids what a page of jobs' texts must not do", async () => {
    await using page = await openPage(tokens);
    for (const path of ["/", "/page.js", "/jobs/a-job", "/api/session", "/api/overview", "/nothing"]) {
      const { headers } = await page.get(path);
      expect(headers.get("content-security-policy")).toStartWith("default-src 'none'; script-src 'self';");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
    }
    const html = await (await page.get("/")).text();
    expect(html).not.toMatch(/<script(?! type="module" src="\/page.js">)|style=|https?:/);
  });
});

describe("a board", () => {
  test("of an agent cannot be changed", async () => {
    await using page = await openPage(tokens, createBoard({ kind: "agent" }));
    const write = bearer("write-token");
    expect(await (await page.get("/api/session", write)).json()).toMatchObject({
      kind: "agent",
      canAct: false,
      hasTimelines: false,
    });
    expect((await page.post("/api/jobs/a-job/stop", "", write)).status).toBe(404);
    expect((await page.post("/api/jobs", "commands: []", write)).status).toBe(404);
  });

  test("of a hub takes jobs, stops them, runs them again, and shuts agents down", async () => {
    await using page = await openPage(tokens);
    const write = bearer("write-token");
    expect(await (await page.post("/api/jobs", "commands: []", write)).json()).toEqual({ id: "id-1" });
    expect((await page.post("/api/jobs/x/retry", "", write)).status).toBe(201);
    expect((await page.post("/api/jobs/old/retry", "", write)).status).toBe(409);
    expect((await page.post("/api/agents/an%20agent/shutdown", "", write)).status).toBe(200);
    expect(page.board.done).toEqual(["submit commands: []", "retry x", "shut down an agent"]);
  });

  test("that a request names wrongly is answered with 404", async () => {
    await using page = await openPage();
    const paths = [
      "jobs/none",
      "jobs/none/rows",
      "jobs/none/plain",
      "jobs/none/search?q=x",
      "jobs/%ff",
      "other",
    ];
    for (const path of paths) expect([path, (await page.get(`/api/${path}`)).status]).toEqual([path, 404]);
  });
});

describe("a log", () => {
  test("is answered with its outline and its end, and by rows", async () => {
    await using page = await openPage();
    page.board.state = { agents: [], jobs: [job({ name: "<script>alert(1)</script>" })] };
    page.board.add("a-job", ...command("make", 1, "one\ntwo\n"));
    const answer = (await (await page.get("/api/jobs/a-job")).json()) as { rows: unknown };
    expect(answer).toMatchObject({ total: 3, count: 1, from: 0, commands: [{ row: 0, exitCode: 1 }] });
    const rows = await page.get("/api/jobs/a-job/rows?from=1&count=1");
    expect(await rows.json()).toEqual({ from: 1, rows: [["one", 7]] });
    expect(await (await page.get("/api/jobs/a-job/rows?from=-5&count=1e99")).json()).toEqual({
      from: 0,
      rows: [],
    });
    expect(await (await page.get("/api/jobs/a-job/search?q=TWO")).json()).toEqual({ total: 0, hits: [] });
    expect(await (await page.get("/api/jobs/a-job/plain")).text()).toBe("make\none\ntwo\n");
  });

  test("is followed while it grows, and read no longer than it is followed", async () => {
    await using page = await openPage();
    page.board.state = { agents: [], jobs: [job()] };
    page.board.add("a-job", output("one\n"));
    const messages = readMessages(await page.get("/api/jobs/a-job/events"));
    expect((await messages.next()).value).toMatchObject({
      total: 1,
      rows: [["one", 7]],
      job: { state: "running" },
    });
    page.board.add("a-job", output("two\nthr"));
    expect(await untilTotal(messages, 3)).toMatchObject({
      rows: expect.arrayContaining([
        ["two", 7],
        ["thr", 7],
      ]),
    });
    await messages.return();
    while (true) {
      const before = page.board.reads;
      await Bun.sleep(600);
      if (page.board.reads === before) break;
    }
  });

  test("has any number of followers, and one that does not read delays none of them", async () => {
    await using page = await openPage();
    page.board.state = { agents: [], jobs: [job()] };
    page.board.add("a-job", output("one\n"));
    const { port } = new URL(page.url);
    const slow = connect({ port: Number(port), host: "127.0.0.1" });
    slow.write("GET /api/jobs/a-job/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    slow.pause();
    const followers = await Promise.all(
      Array.from({ length: 50 }, async () => readMessages(await page.get("/api/jobs/a-job/events"))),
    );
    await Promise.all(followers.map((messages) => messages.next()));
    for (let round = 1; round <= 3; round += 1) {
      page.board.add("a-job", output("x".repeat(3000) + "\n"));
      await Promise.all(followers.map((messages) => untilTotal(messages, round + 1)));
    }
    expect(page.board.open).toBe(1);
    await Promise.all(followers.map((messages) => messages.return()));
    slow.destroy();
  });
});

interface Message {
  readonly total: number;
}

async function* readMessages(answer: Response): AsyncGenerator<Message, void> {
  let text = "";
  for await (const chunk of answer.body!) {
    text += new TextDecoder().decode(chunk);
    for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
      const event = text.slice(0, end);
      text = text.slice(end + 2);
      if (event.startsWith("data: ")) yield JSON.parse(event.slice("data: ".length)) as Message;
    }
  }
}

async function untilTotal(messages: AsyncGenerator<Message, void>, total: number): Promise<Message> {
  for (;;) {
    const { value } = await messages.next();
    if (value && value.total >= total) return value;
  }
}
