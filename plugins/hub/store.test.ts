import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "signalman/testing";
import { createStorage } from "unstorage";
import { durableDriver } from "./storage/durable-driver.ts";
import { createStore } from "./storage/store.ts";

test("a failed write rejects the commit and is repeated by the next one", async () => {
  const written: string[] = [];
  let isFull = true;
  const store = createStore({
    async write(key, bytes) {
      if (isFull && key === "b") throw Object.assign(new Error("no space"), { code: "ENOSPC" });
      written.push(`${key}=${Buffer.from(bytes).toString()}`);
    },
    async remove(key) {
      written.push(`-${key}`);
    },
  });
  const value = { n: 1 };
  store.put("a", value);
  store.put("b", value);
  store.remove("c");
  await expect(store.commit()).rejects.toThrow("no space");
  isFull = false;
  value.n = 2;
  store.put("a", value);
  await Promise.all([store.commit(), store.commit()]);
  expect(written).toEqual(['a={"n":1}', 'b={"n":2}', "-c", 'a={"n":2}']);
});

test.each([
  ["leaves the storage", "../../../x"],
  ["is too long for the disk", "x".repeat(300)],
  ["contains a NUL", "x\0"],
])("a change whose key %s is reported once, and does not hold up others", async (_, name) => {
  await using tmp = await tmpdir();
  const storage = createStorage({ driver: durableDriver(tmp.path) });
  const store = createStore({
    write: (key, bytes) => storage.setItemRaw(key, bytes),
    remove: (key) => storage.removeItem(key),
  });
  store.put(`jobs:${name}`, { n: 1 });
  store.put("jobs:y", { n: 2 });
  await expect(store.commit()).rejects.toThrow();
  expect(readdirSync(join(tmp.path, "jobs"))).toEqual(["y"]);
  await store.commit();
});

test("a commit reports every change that can never be written, and the error of the disk that follows them", async () => {
  const written: string[] = [];
  let isFull = true;
  const store = createStore({
    async write(key) {
      if (key === "long") throw Object.assign(new Error("name too long"), { code: "ENAMETOOLONG" });
      if (key === "invalid") throw new Error("invalid key");
      if (isFull) throw Object.assign(new Error("no space"), { code: "ENOSPC" });
      written.push(key);
    },
    async remove() {},
  });
  for (const key of ["long", "invalid", "a", "b"]) store.put(key, {});
  await expect(store.commit()).rejects.toThrow("name too long; invalid key; no space");
  isFull = false;
  await store.commit();
  expect(written).toEqual(["a", "b"]);
});
