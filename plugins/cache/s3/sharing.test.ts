import { describe, expect, test } from "bun:test";
import { storeObject } from "../testing/objects.ts";
import { faultOf, openScene, textsOf } from "../testing/scene.ts";

/** The projects "held-1" and "other" share, and "held-10" and "oth" do not. */
async function open(share: readonly string[] = ["held-1+other"]) {
  const at = await openScene({ share });
  const as = (project: string, more = {}) => at.client({ project, job: `job of ${project}`, ...more });
  const list = async (project: string, query = "") => {
    const text = await (await as(project)("GET", `?${query}`)).text();
    const [keys, next] = [textsOf(text, "Key"), textsOf(text, "NextContinuationToken")[0]];
    return { keys, prefixes: textsOf(text.replace(/<Prefix>.*?<\/Prefix>/, ""), "Prefix"), next, text };
  };
  const put = async (project: string, key: string, body = key) =>
    (await as(project)("PUT", `/${project}/${key}`, { body })).status;
  const read = async (project: string, key: string) =>
    (await as(project)("GET", `/${project}/${key}`)).text();
  return { ...at, as, list, put, read };
}

describe("projects of one group", () => {
  test("restore, replace and remove each other's objects, each by keys of its own", async () => {
    await using at = await open();
    expect(await at.put("other", "node", "modules")).toBe(200);
    expect(await at.read("held-1", "node")).toBe("modules");
    expect(await at.put("held-1", "node", "newer")).toBe(200);
    expect(await at.read("other", "node")).toBe("newer");
    const names = "<Delete><Object><Key>other/node</Key></Object></Delete>";
    const removed = await (await at.as("other")("POST", "?delete", { body: names })).text();
    expect(textsOf(removed, "Key")).toEqual(["other/node"]);
    expect(await faultOf(at.as("held-1")("GET", "/held-1/node"))).toBe("404 NoSuchKey");
  });

  test("complete an upload in parts under the key of their own", async () => {
    await using at = await open();
    const send = at.as("other");
    const begun = await (await send("POST", "/other/big?uploads")).text();
    expect(textsOf(begun, "Key")).toEqual(["other/big"]);
    const target = `/other/big?uploadId=${textsOf(begun, "UploadId")[0]}`;
    const { headers } = await send("PUT", `${target}&partNumber=1`, { body: "part" });
    const body = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${headers.get("etag")}</ETag></Part></CompleteMultipartUpload>`;
    expect(textsOf(await (await send("POST", target, { body })).text(), "Key")).toEqual(["other/big"]);
    expect(await at.read("held-1", "big")).toBe("part");
  });

  test.each([
    ["", ["a/1", "a/2", "b"], []],
    ["prefix=other", ["a/1", "a/2", "b"], []],
    ["prefix=ot", ["a/1", "a/2", "b"], []],
    ["prefix=other/a/", ["a/1", "a/2"], []],
    ["prefix=held-1", [], []],
    ["prefix=held-1/", [], []],
    ["prefix=other/&delimiter=/", ["b"], ["other/a/"]],
    ["delimiter=/", [], ["other/"]],
    // A delimiter in the project's id, and one that reaches over its end.
    ["prefix=o&delimiter=th", [], ["oth"]],
    ["delimiter=er/a", ["b"], ["other/a"]],
    ["marker=other/a/1", ["a/2", "b"], []],
    ["marker=held-1/zzz", ["a/1", "a/2", "b"], []],
    ["marker=p", [], []],
    ["max-keys=1&marker=other/a/2", ["b"], []],
  ])("list as if all objects were their own: %j", async (query, keys, prefixes) => {
    await using at = await open();
    for (const key of ["a/1", "a/2", "b"]) await at.put("held-1", key);
    const listed = await at.list("other", query);
    expect(listed.text).not.toContain("held-1/a");
    expect([listed.keys, listed.prefixes]).toEqual([keys.map((key) => `other/${key}`), prefixes]);
  });

  test("page through a list by tokens", async () => {
    await using at = await open();
    for (let key = 0; key < 10; key++) await at.put("held-1", String(key));
    const all: string[] = [];
    let query = "list-type=2&max-keys=3";
    for (;;) {
      const { keys, next } = await at.list("other", query);
      all.push(...keys);
      if (next === undefined) break;
      query = `list-type=2&max-keys=3&continuation-token=${next}`;
    }
    expect(all).toEqual(Array.from({ length: 10 }, (_, key) => `other/${key}`));
  });
});

describe("projects outside of a group", () => {
  test.each([
    ["held-1", "/other/a"],
    ["other", "/held-1/a"],
    ["held-10", "/held-1/a"],
    ["held-10", "/other/a"],
    ["oth", "/other/a"],
  ])("%s does not reach %s by the key of another project", async (project, path) => {
    await using at = await open();
    await storeObject(at.store, { project: "held-1", key: "held-1/a" }, Buffer.from("before"));
    for (const method of ["GET", "HEAD", "PUT", "DELETE"]) {
      const answer = await at.as(project)(method, path, { body: method === "PUT" ? "changed" : undefined });
      expect(answer.status).toBe(403);
    }
    expect(await at.read("held-1", "a")).toBe("before");
  });

  test.each([
    "",
    "prefix=held-1",
    "prefix=held-1/",
    "prefix=other",
    "prefix=o",
    "delimiter=/",
    "start-after=h",
  ])("see nothing of it in a list with %j", async (query) => {
    await using at = await open();
    await at.put("other", "a");
    for (const project of ["held-10", "oth"]) {
      const { keys, prefixes } = await at.list(project, query);
      expect([keys, prefixes]).toEqual([[], []]);
    }
  });

  test("have another object under the same key", async () => {
    await using at = await open();
    await at.put("other", "node", "of the group");
    expect(await at.put("held-10", "node", "of its own")).toBe(200);
    expect(await at.read("held-1", "node")).toBe("of the group");
  });
});

test("with `all` each project reaches the objects of every other one, and none by another id", async () => {
  await using at = await open(["all"]);
  await at.put("held-1", "node", "modules");
  expect(await at.read("held-10", "node")).toBe("modules");
  expect((await at.list("held-10")).keys).toEqual(["held-10/node"]);
  for (const path of ["/held-1/node", "/.all/node", "/all/node"])
    expect(await faultOf(at.as("held-10")("GET", path))).toBe("403 AccessDenied");
});

test("a fork of one project reads the objects of its group, and writes none", async () => {
  await using at = await open();
  await at.put("held-1", "node", "modules");
  const fork = at.as("other", { canWrite: false });
  expect(await (await fork("GET", "/other/node")).text()).toBe("modules");
  for (const [method, path] of [
    ["PUT", "/other/node"],
    ["DELETE", "/other/node"],
    ["POST", "/other/node?uploads"],
    ["POST", "?delete"],
  ] as const)
    expect(await faultOf(fork(method, path, { body: method === "DELETE" ? undefined : "x" }))).toBe(
      "403 AccessDenied",
    );
  expect(await at.read("held-1", "node")).toBe("modules");
});

test("an upload of one project is not reached by another one outside of the group", async () => {
  await using at = await open();
  const begun = await (await at.as("other")("POST", "/other/a?uploads")).text();
  const target = `a?uploadId=${textsOf(begun, "UploadId")[0]}&partNumber=1`;
  expect(await faultOf(at.as("held-10")("PUT", `/held-10/${target}`, { body: "x" }))).toBe(
    "404 NoSuchUpload",
  );
});
