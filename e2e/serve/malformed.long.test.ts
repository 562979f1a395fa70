import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { createHostedScene } from "./hosted-client.ts";
import { until } from "../support/jobs.ts";
import { sendMalformed } from "./malformed-requests.ts";

test("ten thousand malformed requests leave memory and descriptors as they were", async () => {
  await using scene = await createHostedScene();
  const { pid } = scene.serve;
  const readRss = () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]);
  const countDescriptors = () => readdirSync(`/proc/${pid}/fd`).length;
  // The first requests load what is loaded lazily, and grow the heap to its working size.
  await sendMalformed(scene, 2000);
  const before = { rss: readRss(), descriptors: countDescriptors() };
  await sendMalformed(scene, 10_000);
  await until("the connections are closed", () => countDescriptors() <= before.descriptors + 5);
  const growth = readRss() - before.rss;
  console.log(`RSS ${before.rss} KiB, growth ${growth} KiB, ${before.descriptors} descriptors`);
  expect(growth).toBeLessThan(40 * 1024);
  expect((await scene.call("GET", "/is_alive")).text).toBe("yes");
}, 600_000);
