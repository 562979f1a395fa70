import { expect, test } from "bun:test";
import { tmpdir } from "signalman/testing";
import { runCacheRounds } from "../support/cache-rounds.ts";
import { createCacheSite } from "../support/cache-site.ts";
import { until } from "../support/jobs.ts";

test("what a cache has stored or removed without its upstream is passed on after a kill", async () => {
  await using tmp = await tmpdir();
  await using site = createCacheSite(tmp.path);
  const { cache, bucket } = site;
  const bucketHas = async (key: string) => (await bucket.send("HEAD", key)).status === 200;
  await bucket.start();
  await cache.start();
  const large = crypto.getRandomValues(Buffer.alloc(12_000_000).subarray(0, 65_536));
  const content = Buffer.alloc(12_000_000, large);
  expect((await cache.send("PUT", "removed", Buffer.from("old"))).status).toBe(200);
  await until("the first object is in the bucket", () => bucketHas("removed"));
  await bucket.kill();
  expect((await cache.send("PUT", "large", content)).status).toBe(200);
  for (let index = 0; index < 20; index++)
    expect((await cache.send("PUT", `small ${index}`, Buffer.from(`content ${index}`))).status).toBe(200);
  expect((await cache.send("DELETE", "removed")).status).toBe(204);
  expect(await cache.usage()).toContain("objects that wait for cache-upstream: 22\n");
  await cache.kill();

  await bucket.start();
  await cache.start();
  expect((await cache.send("GET", "removed")).status).toBe(404);
  await until("the object is removed", async () => !(await bucketHas("removed")));
  await until("the large object is in the bucket", () => bucketHas("large"));
  for (let index = 0; index < 20; index++) {
    const key = `small ${index}`;
    await until(`"${key}" is in the bucket`, () => bucketHas(key));
    expect(await (await bucket.send("GET", key)).text()).toBe(`content ${index}`);
  }
  expect(Buffer.from(await (await bucket.send("GET", "large")).bytes()).equals(content)).toBe(true);
  expect(cache.log).toContain("objects of an earlier process that are passed on to cache-upstream: 22");
  await until("nothing waits", async () => !(await cache.usage()).includes("cache-upstream"));
  await cache.stop();
  await cache.start();
  expect(cache.log.match(/objects of an earlier process/g)).toHaveLength(1);
}, 120_000);

test("a cache and its upstream that are killed at any time agree in the end, and lose nothing", async () => {
  expect(await runCacheRounds({ seed: 20, rounds: 8 })).toEqual([]);
}, 240_000);
