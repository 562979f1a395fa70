import { describe, expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AwsClient } from "aws4fetch";
import { createRecordingLogger, testPlugin, tmpdir } from "signalman/testing";
import { openCache } from "./cache.ts";
import { createCacheUses } from "./uses.ts";
import plugin from "./index.ts";

const access = { project: "held-1", job: "job-1", canWrite: true };

async function scene() {
  const tmp = await tmpdir();
  const logger = createRecordingLogger();
  const alive = new Set(["job-1"]);
  const open = () =>
    openCache({
      size: 2 ** 30,
      path: "",
      stateDirectory: tmp.path,
      hosts: { shell: "127.0.0.1" },
      listen: [],
      share: [],
      isAlive: (job) => alive.has(job),
      uses: createCacheUses(() => {}),
      logger,
    });
  return {
    directory: tmp.path,
    logger,
    alive,
    open,
    [Symbol.asyncDispose]: () => tmp[Symbol.asyncDispose](),
  };
}

function send(
  { url }: { readonly url: string },
  key: { readonly id: string; readonly secret: string },
  init: RequestInit = {},
): Promise<Response> {
  const options = {
    accessKeyId: key.id,
    secretAccessKey: key.secret,
    service: "s3",
    region: "auto",
    retries: 0,
  };
  return new AwsClient(options).fetch(`${url}/cache/held-1/a`, init);
}

describe("a cache", () => {
  test("that is opened again keeps objects, port and access keys, until the job ends", async () => {
    await using at = await scene();
    const first = await at.open();
    const key = first.credentials.issue(access);
    expect((await send(first, key, { method: "PUT", body: "content" })).status).toBe(200);
    await first[Symbol.asyncDispose]();

    await using second = await at.open();
    expect([second.url, second.credentials.issue(access)]).toEqual([first.url, key]);
    expect(await (await send(second, key)).text()).toBe("content");
    at.alive.clear();
    expect((await send(second, key)).status).toBe(403);
  });

  test("takes another port when its own is in use, with a warning", async () => {
    await using at = await scene();
    await using first = await at.open();
    const { port } = new URL(first.url);
    await first[Symbol.asyncDispose]();
    using _ = Bun.listen({ hostname: "127.0.0.1", port: Number(port), socket: { data() {} } });
    await using second = await at.open();
    expect(second.url).not.toBe(first.url);
    expect(at.logger.entries.filter(({ level }) => level === "warn").map(({ message }) => message)).toEqual([
      `port ${port} of the cache at 127.0.0.1 is in use: jobs that were running before do not reach the cache`,
    ]);
  });

  test.each(["", "{}", '{"version":1,"secret":"c2hvcnQ=","url":"http://127.0.0.1:1","urls":{}}', "null"])(
    "makes a new secret when its file has the content %j",
    async (text) => {
      await using at = await scene();
      const first = await at.open();
      const key = first.credentials.issue(access);
      await first[Symbol.asyncDispose]();
      const file = join(at.directory, "cache.json");
      expect(statSync(file).mode & 0o777).toBe(0o600);
      writeFileSync(file, text);
      await using second = await at.open();
      expect((await send(second, key)).status).toBe(403);
      expect(
        (await send(second, second.credentials.issue(access), { method: "PUT", body: "x" })).status,
      ).toBe(200);
      expect(readFileSync(file, "utf8")).not.toContain(second.credentials.issue(access).secret);
    },
  );
});

describe("the plugin", () => {
  const status = (stateDirectory: string) => () => ({
    version: "1.2.3",
    pid: 1,
    startedAt: 0,
    stateDirectory,
    slots: [],
  });

  test("uses no hook without cache-size", async () => {
    await using t = await testPlugin(plugin, { roles: ["agent"] });
    expect(t.hooks).toEqual([]);
  });

  test("serves from agent:start until it is disposed", async () => {
    await using tmp = await tmpdir();
    const path = join(tmp.path, "elsewhere");
    let url = "";
    {
      await using t = await testPlugin(plugin, {
        roles: ["agent"],
        flags: { "cache-size": "1GiB", "cache-path": path },
      });
      await t.call("agent:start", { version: "1.2.3", status: status(tmp.path) });
      const [, found] = /^a cache of 1\.0 GiB is at (\S+)$/.exec(t.logs[0]?.message ?? "") ?? [];
      url = found!;
      expect((await fetch(url)).status).toBe(403);
      expect(statSync(path).mode & 0o777).toBe(0o700);
    }
    expect(fetch(url)).rejects.toThrow();
  });

  test("does not let the agent start with a directory that another agent uses", async () => {
    await using at = await scene();
    await using _ = await at.open();
    const code = `const { openCache } = await import(${JSON.stringify(join(import.meta.dir, "cache.ts"))});
      const options = { size: 1, path: "", listen: [], hosts: {}, stateDirectory: ${JSON.stringify(at.directory)} };
      await openCache(options).catch((error) => console.log(error.code));
      process.exit();`;
    expect(Bun.spawnSync([process.execPath, "-e", code]).stdout.toString()).toBe("CACHE_LOCKED\n");
  });
});
