import { describe, expect, test } from "bun:test";
import { readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "signalman/testing";
import { collect, readObject, storeObject } from "../testing/objects.ts";
import { toFault } from "./fault.ts";
import { createLayout } from "./layout.ts";
import { openStore, type StoreOptions } from "./store.ts";

const mb = 1024 * 1024;

/** A store with room for ten objects of 1 MB. */
async function scene(options: Partial<StoreOptions> = {}) {
  const tmp = await tmpdir();
  const root = join(tmp.path, "cache");
  const open = () => openStore({ root, capacity: 10.5 * mb, ...options });
  let store = open();
  const put = (project: string, key: string, bytes = mb) =>
    storeObject(store, { project, key }, Buffer.alloc(bytes));
  return {
    root,
    put,
    get store() {
      return store;
    },
    read: (project: string, key: string) => readObject(store, { project, key }),
    async keys(project: string) {
      const { entries } = await store.list(project, { prefix: "", after: "", delimiter: "", most: 1000 });
      return entries.map(({ key }) => key);
    },
    async reopen() {
      await store[Symbol.asyncDispose]();
      store = open();
      await store.loaded;
    },
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await tmp[Symbol.asyncDispose]();
    },
  };
}

describe("a store that is full", () => {
  test("evicts what was used least recently, and reading is use", async () => {
    await using at = await scene();
    for (const key of "abcdefghij") await at.put("p", key);
    await at.read("p", "a");
    await at.put("p", "k");
    await at.put("p", "l");
    expect((await at.keys("p")).join("")).toBe("adefghijkl");
    expect(at.store.cost).toBeLessThanOrEqual(10.5 * mb);
    expect(readdirSync(join(at.root, "contents"))).toHaveLength(10);
  });

  test("knows the order of use after a restart", async () => {
    await using at = await scene();
    for (const key of "abcdefghij") await at.put("p", key);
    const times = createLayout(at.root);
    for (const [n, key] of [..."jihgfedcba"].entries())
      utimesSync(times.manifest({ project: "p", key }), 1e9 + n, Date.now() / 1000 - 100 + n);
    await at.reopen();
    await at.put("p", "k");
    await at.put("p", "l");
    expect((await at.keys("p")).join("")).toBe("abcdefghkl");
  });

  test("takes from the projects that have more than their share", async () => {
    await using at = await scene();
    for (const key of ["a", "b"]) await at.put("small", key);
    for (let n = 0; n < 30; n++) await at.put("large", `key-${n}`);
    expect(await at.keys("small")).toEqual(["a", "b"]);
    expect(await at.keys("large")).toHaveLength(8);
    for (let n = 0; n < 5; n++) await at.put("middle", `key-${n}`);
    expect(await at.keys("small")).toEqual(["a", "b"]);
    // Both have more than a third, and the older objects go.
    expect([await at.keys("large"), await at.keys("middle")].map(({ length }) => length)).toEqual([3, 5]);
  });

  test("counts uploads that are not complete, and takes no other project's share for them", async () => {
    await using at = await scene();
    for (const key of "abcd") await at.put("other", key);
    const upload = at.store.create({ project: "greedy", key: "x" });
    const writer = await upload.open();
    const written = await writer.write(Buffer.alloc(20 * mb)).catch((error: unknown) => error);
    expect(toFault(written)?.code).toBe("EntityTooLarge");
    expect((await at.keys("other")).join("")).toBe("abcd");
    await upload.abort();
    for (const key of "efghij") await at.put("other", key);
    expect((await at.keys("other")).join("")).toBe("abcdefghij");
  });

  test("keeps what is being read, and asks to wait when there is nothing else", async () => {
    await using at = await scene();
    for (const key of "abcdefghij") await at.put("p", key);
    const open = await Promise.all([..."abcdefghi"].map((key) => at.store.open({ project: "p", key })));
    await at.put("p", "k");
    expect((await at.keys("p")).join("")).toBe("abcdefghik");
    const last = await at.store.open({ project: "p", key: "k" });
    const refused = await at.put("p", "l").catch((error: unknown) => error);
    expect(toFault(refused)?.code).toBe("SlowDown");
    expect(await collect(open[0]!.read(0, mb))).toHaveLength(mb);
    for (const object of [...open, last]) object?.[Symbol.dispose]();
    await at.put("p", "l");
    expect(await at.keys("p")).toContain("l");
  });

  test("evicts first what nothing has used for a month, of any project", async () => {
    await using at = await scene();
    await at.put("small", "old");
    for (const key of "bcdefghij") await at.put("large", key);
    const longAgo = Date.now() / 1000 - 31 * 86_400;
    utimesSync(createLayout(at.root).manifest({ project: "small", key: "old" }), longAgo, longAgo);
    await at.reopen();
    await at.put("large", "k");
    expect([await at.keys("small"), (await at.keys("large")).join("")]).toEqual([[], "bcdefghijk"]);
  });

  test("has a limit of objects, shared in the same way", async () => {
    await using at = await scene({ mostObjects: 10 });
    for (const key of "ab") await at.put("small", key, 1);
    for (let n = 0; n < 20; n++) await at.put("large", `key-${n}`, 1);
    await at.store.loaded;
    while ((await at.keys("large")).length > 8) await Bun.sleep(5);
    expect(await at.keys("small")).toEqual(["a", "b"]);
  });

  test("shrinks when it is opened with a smaller size", async () => {
    await using at = await scene();
    for (const key of "abcdefghij") await at.put("p", key);
    await at.store[Symbol.asyncDispose]();
    await using smaller = openStore({ root: at.root, capacity: 3.2 * mb });
    await smaller.loaded;
    while (readdirSync(join(at.root, "contents")).length > 3) await Bun.sleep(5);
    expect(smaller.cost).toBeLessThan(3.2 * mb);
  });
});

test("parts that failed take no room", async () => {
  await using at = await scene();
  const upload = at.store.create({ project: "p", key: "x" });
  for (let n = 0; n < 30; n++) {
    const writer = await upload.open();
    await writer.write(Buffer.alloc(mb));
    await writer.abort();
  }
  const writer = await upload.open();
  await writer.write(Buffer.alloc(9 * mb));
  await upload.commit({ etag: "e", headers: {}, segments: [await writer.end()] });
  expect(await at.read("p", "x")).toHaveLength(9 * mb);
});
