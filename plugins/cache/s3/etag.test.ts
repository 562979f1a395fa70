import { createHash } from "node:crypto";
import { expect, test } from "bun:test";
import { openScene } from "../testing/scene.ts";

const md5 = createHash("md5").update("hello").digest("base64");

test("an object has its MD5 as ETag when the client sends it, and else one that is not taken for an MD5", async () => {
  await using at = await openScene();
  const etagOf = async (body: string, headers: Record<string, string> = {}) =>
    (await at.client()("PUT", "/held-1/a", { body, headers })).headers.get("etag");
  expect(await etagOf("hello", { "content-md5": md5 })).toBe('"5d41402abc4b2a76b9719d911017c592"');
  const etag = await etagOf("hello");
  expect(etag).toMatch(/^"[0-9a-f]{32}-1"$/);
  expect(await etagOf("hello")).toBe(etag);
  expect([await etagOf("hello!"), await etagOf("")]).not.toContain(etag);
});
