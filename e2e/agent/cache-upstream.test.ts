import { expect, test } from "bun:test";
import { tmpdir } from "signalman/testing";
import { runCacheRounds } from "../support/cache-rounds.ts";
import { type CacheProcess, createCacheSite } from "../support/cache-site.ts";
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
  const waiting = /objects that wait for cache-upstream: 22, the first since 20\d\d-[-0-9T:]{11} \(UTC\)\n/;
  expect(await cache.usage()).toMatch(waiting);
  expect(await readMetric(cache, "upstream_waiting")).toBe(22);
  const age = Date.now() / 1000 - (await readMetric(cache, "upstream_waiting_since_seconds"));
  expect(age).toBeLessThan(3600);
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
  const small = Array.from({ length: 20 }, (_, index) => `content ${index}`).join("");
  // Each was sent once.
  expect(await readMetric(bucket, "stored_bytes_total")).toBe(content.length + small.length);
  expect(cache.log).toContain("objects of an earlier process that are passed on to cache-upstream: 22");
  await until("nothing waits", async () => !(await cache.usage()).includes("cache-upstream"));
  await cache.stop();
  await cache.start();
  expect(cache.log.match(/objects of an earlier process/g)).toHaveLength(1);
}, 120_000);

test("a cache whose upstream was away while it was killed twice passes everything on", async () => {
  await using tmp = await tmpdir();
  await using site = createCacheSite(tmp.path);
  const { cache, bucket } = site;
  const keys = Array.from({ length: 30 }, (_, index) => `object ${index}`);
  for (const [index, part] of [keys.slice(0, 10), keys.slice(10, 20), keys.slice(20)].entries()) {
    await cache.start();
    for (const key of part) expect((await cache.send("PUT", key, Buffer.from(key))).status).toBe(200);
    const countOutages = () => cache.log.split("cache-upstream takes no objects").length - 1;
    await until("the outage is logged", () => countOutages() > index);
    if (index < 2) await cache.kill();
  }
  expect(await cache.usage()).toContain("objects that wait for cache-upstream: 30,");
  await bucket.start();
  await until("nothing waits", async () => (await readMetric(cache, "upstream_waiting")) === 0);
  await until("its end is logged", () => cache.log.includes("cache-upstream takes objects again"));
  for (const key of keys) expect(await (await bucket.send("GET", key)).text()).toBe(key);
  expect(await readMetric(bucket, "stored_bytes_total")).toBe(keys.join("").length);
  expect(await readMetric(cache, "upstream_waiting_since_seconds")).toBe(0);
  expect(await readMetric(cache, "upstream_dropped_total")).toBe(0);
}, 240_000);

test("a cache and its upstream that are killed at any time agree in the end, and lose nothing", async () => {
  expect(await runCacheRounds({ seed: 20, rounds: 8 })).toEqual([]);
}, 240_000);

async function readMetric({ url }: CacheProcess, name: string): Promise<number> {
  const text = await (await fetch(new URL("/metrics", url))).text();
  return Number(new RegExp(`^signalman_plugin_cache_${name} (\\d+)$`, "m").exec(text)?.[1]);
}
