import { expect, test } from "bun:test";
import { join } from "node:path";
import { createRecordingLogger, tmpdir } from "signalman/testing";
import { openCache } from "../cache.ts";
import { toOperatorToken } from "../credentials.ts";
import { readIdentity, toIdentityPath } from "../identity.ts";
import { createCacheUses } from "../uses.ts";
import { describeShared } from "./arguments.ts";
import { askCache } from "./client.ts";
import type { ClearAnswer, ObjectsAnswer, UsageAnswer } from "./handler.ts";
import { AwsClient } from "aws4fetch";

async function scene(share: readonly string[] = []) {
  const stack = new AsyncDisposableStack();
  const tmp = stack.use(await tmpdir());
  const cache = stack.use(
    await openCache({
      size: 2 ** 30,
      path: "",
      stateDirectory: tmp.path,
      hosts: {},
      listen: [],
      share,
      isAlive: () => true,
      uses: createCacheUses(() => {}),
      logger: createRecordingLogger(),
    }),
  );
  const put = async (project: string, key: string): Promise<number> => {
    const { id, secret } = cache.credentials.issue({ project, job: `job of ${project}`, canWrite: true });
    const client = new AwsClient({ accessKeyId: id, secretAccessKey: secret, service: "s3", region: "auto" });
    return (await client.fetch(`${cache.url}/cache/${project}/${key}`, { method: "PUT", body: "content" }))
      .status;
  };
  const identity = readIdentity(toIdentityPath(tmp.path))!;
  return { ...cache, put, identity, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("the operator sees all projects, and removes the objects of one", async () => {
  await using at = await scene();
  for (const [project, key] of [
    ["a", "1"],
    ["a", "2"],
    ["b", "1"],
  ] as const)
    expect(await at.put(project, key)).toBe(200);
  const usage = await askCache<UsageAnswer>(at.identity, "/-/usage");
  expect(usage?.projects.map(({ project, objects }) => [project, objects])).toEqual([
    ["a", 2],
    ["b", 1],
  ]);
  const listed = await askCache<ObjectsAnswer>(at.identity, "/-/objects");
  expect(listed?.objects.map(({ key }) => key)).toEqual(["b/1", "a/2", "a/1"]);
  expect((await askCache<ObjectsAnswer>(at.identity, "/-/objects?project=a"))?.total).toBe(2);
  expect(await askCache(at.identity, "/-/use?job=job%20of%20b")).toMatchObject({ storedBytes: 7 });
  expect(await askCache(at.identity, "/-/use?job=unknown")).toBeUndefined();

  const clear = (path: string) => askCache<ClearAnswer>(at.identity, path, { method: "DELETE" });
  expect(await clear("/-/objects?project=a")).toEqual({ removed: 2, shared: [] });
  expect((await askCache<UsageAnswer>(at.identity, "/-/usage"))?.projects.length).toBe(1);
  expect(await clear("/-/objects")).toEqual({ removed: 1, shared: [] });
});

test("the operator sees which projects share objects, and removes those that they share", async () => {
  await using at = await scene(["a+b"]);
  for (const [project, key] of [
    ["a", "1"],
    ["b", "2"],
    ["c", "3"],
  ] as const)
    expect(await at.put(project, key)).toBe(200);
  const shared = [{ project: "a", sharedBy: ["a", "b"] }];
  const usage = await askCache<UsageAnswer>(at.identity, "/-/usage");
  expect(usage).toMatchObject({ projects: [{ project: "a", objects: 2 }, { project: "c" }], shared });
  expect(await askCache<UsageAnswer>(at.identity, "/-/usage?project=b")).toMatchObject({
    projects: [{ project: "a", objects: 2 }],
    shared,
  });
  const listed = await askCache<ObjectsAnswer>(at.identity, "/-/objects?project=b");
  expect([listed?.objects.map(({ key }) => key), listed?.shared]).toEqual([["a/2", "a/1"], shared]);
  expect(describeShared(shared)).toEqual([
    'project "a" stands for a, b, which share its objects (cache-share)',
  ]);
  const clear = (path: string) => askCache<ClearAnswer>(at.identity, path, { method: "DELETE" });
  expect(await clear("/-/objects?project=c")).toEqual({ removed: 1, shared: [] });
  expect(await clear("/-/objects?project=b")).toEqual({ removed: 2, shared });
});

test("the token is needed, and a job's key is none", async () => {
  await using at = await scene();
  const statusOf = async (authorization: string, path = "/-/usage") =>
    (await fetch(`${at.url}${path}`, { headers: { authorization } })).status;
  const { id, secret } = at.credentials.issue({ project: "a", job: "job", canWrite: true });
  const token = toOperatorToken(at.identity.secret);
  for (const wrong of ["", "Bearer ", `Bearer ${id}`, `Bearer ${secret}`, `Basic ${token}`])
    expect(await statusOf(wrong)).toBe(401);
  expect(await statusOf(`Bearer ${token}`)).toBe(200);
  expect(await statusOf(`Bearer ${token}`, "/-/other")).toBe(404);
  expect((await fetch(`${at.url}/-/objects`, { method: "DELETE" })).status).toBe(401);
});

test("the token is not sent through a proxy", async () => {
  await using at = await scene();
  const seen: string[] = [];
  await using proxy = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch({ url }) {
      seen.push(url);
      return Response.json({});
    },
  });
  const code = `import { describeShared } from "./arguments.ts";
import { askCache } from ${JSON.stringify(join(import.meta.dir, "client.ts"))};
    const identity = { secret: Buffer.from("${at.identity.secret.toString("base64")}", "base64"), url: "${at.url}" };
    console.log((await askCache(identity, "/-/usage")).capacity);`;
  const env = { ...process.env, HTTP_PROXY: proxy.url.href, http_proxy: proxy.url.href, NO_PROXY: "" };
  const child = Bun.spawn([process.execPath, "-e", code], { env, stdout: "pipe" });
  expect(await child.stdout.text()).toBe(`${2 ** 30}\n`);
  expect(seen).toEqual([]);
});
