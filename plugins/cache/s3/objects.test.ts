import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { tagOf } from "../testing/objects.ts";
import { faultOf, openScene, textsOf } from "../testing/scene.ts";

const content = crypto.getRandomValues(Buffer.alloc(65_536)).toString("base64").repeat(10);

describe("an object", () => {
  test("that is put is answered to get and head with its ETag, length and headers", async () => {
    await using at = await openScene();
    const send = at.client();
    const headers = { "content-type": "text/plain", "cache-control": "no-cache", "x-amz-meta-a": "b c" };
    const put = await send("PUT", "/held-1/a", { body: content, headers });
    expect([put.status, put.headers.get("etag"), await put.text()]).toEqual([200, `"${tagOf(content)}"`, ""]);
    for (const method of ["GET", "HEAD"]) {
      const answer = await send(method, "/held-1/a");
      const names = [
        "etag",
        "content-length",
        "content-type",
        "cache-control",
        "x-amz-meta-a",
        "accept-ranges",
      ];
      expect([answer.status, ...names.map((name) => answer.headers.get(name))]).toEqual([
        200,
        `"${tagOf(content)}"`,
        String(content.length),
        "text/plain",
        "no-cache",
        "b c",
        "bytes",
      ]);
      expect(Math.abs(Date.parse(answer.headers.get("last-modified")!) - Date.now())).toBeLessThan(60_000);
      expect(await answer.text()).toBe(method === "GET" ? content : "");
    }
  });

  test("that is empty has the default type", async () => {
    await using at = await openScene();
    const send = at.client();
    expect((await send("PUT", "/held-1/empty", { body: "" })).status).toBe(200);
    const answer = await send("GET", "/held-1/empty");
    expect([answer.status, answer.headers.get("content-type"), await answer.text()]).toEqual([
      200,
      "binary/octet-stream",
      "",
    ]);
  });

  test("that is missing is NoSuchKey for get, 404 without a body for head, and 204 for delete", async () => {
    await using at = await openScene();
    const send = at.client();
    expect(await faultOf(send("GET", "/held-1/a"))).toBe("404 NoSuchKey");
    expect(await faultOf(send("HEAD", "/held-1/a"))).toBe("404");
    expect(await faultOf(send("DELETE", "/held-1/a"))).toBe("204");
  });

  test("is gone after a delete, and so are its files", async () => {
    await using at = await openScene();
    const send = at.client();
    await send("PUT", "/held-1/a", { body: content });
    expect((await send("DELETE", "/held-1/a")).status).toBe(204);
    expect(await faultOf(send("GET", "/held-1/a"))).toBe("404 NoSuchKey");
    for (const folder of ["objects", "contents"]) expect(readdirSync(join(at.root, folder))).toEqual([]);
  });

  test.each([
    ["bytes=0-0", 206, 0, 1],
    ["bytes=5-", 206, 5, content.length],
    ["bytes=-7", 206, content.length - 7, content.length],
    ["bytes=300000-600000", 206, 300_000, 600_001],
    [`bytes=100-${content.length * 2}`, 206, 100, content.length],
    ["bytes=5-2", 200, 0, content.length],
    ["bytes=0-1,4-5", 200, 0, content.length],
    ["lines=1-2", 200, 0, content.length],
  ])("is sent in the range %s", async (range, status, start, end) => {
    await using at = await openScene();
    const send = at.client();
    await send("PUT", "/held-1/a", { body: content });
    const answer = await send("GET", "/held-1/a", { headers: { range } });
    const contentRange = status === 206 ? `bytes ${start}-${end - 1}/${content.length}` : null;
    expect([answer.status, answer.headers.get("content-range")]).toEqual([status, contentRange]);
    expect((await answer.text()) === content.slice(start, end)).toBe(true);
  });

  test.each(["bytes=9-", "bytes=3-4", "bytes=-0"])("of 3 bytes has no range %s", async (range) => {
    await using at = await openScene();
    const send = at.client();
    await send("PUT", "/held-1/a", { body: "abc" });
    expect(await faultOf(send("GET", "/held-1/a", { headers: { range } }))).toBe("416 InvalidRange");
  });

  test("is answered by conditions on its ETag and its time", async () => {
    await using at = await openScene();
    const send = at.client();
    await send("PUT", "/held-1/a", { body: "abc" });
    const etag = `"${tagOf("abc")}"`;
    const [past, future] = ["Mon, 01 Jan 2001 00:00:00 GMT", new Date(Date.now() + 1e7).toUTCString()];
    const statuses = async (...headers: Record<string, string>[]) =>
      Promise.all(headers.map(async (each) => (await send("GET", "/held-1/a", { headers: each })).status));
    expect(
      await statuses(
        { "if-match": etag },
        { "if-match": '"x"' },
        { "if-none-match": etag },
        { "if-none-match": '"x"' },
        { "if-modified-since": future },
        { "if-modified-since": past },
        { "if-unmodified-since": past },
        { "if-unmodified-since": future },
      ),
    ).toEqual([200, 412, 304, 200, 304, 200, 412, 200]);
    const put = (headers: Record<string, string>) =>
      faultOf(send("PUT", "/held-1/a", { body: "new", headers }));
    expect(await put({ "if-none-match": "*" })).toBe("412 PreconditionFailed");
    expect(await put({ "if-match": '"x"' })).toBe("412 PreconditionFailed");
    expect(await put({ "if-match": etag })).toBe("200");
    expect(await faultOf(send("PUT", "/held-1/b", { body: "b", headers: { "if-match": etag } }))).toBe(
      "404 NoSuchKey",
    );
  });

  test.each(["..", "../../held-2/x", "a//b", "ü ü+%&?#", "a\tb\u0001", "x".repeat(1017), "\u{1f600}"])(
    "has the key held-1/%j",
    async (rest) => {
      await using at = await openScene();
      // A URL of the library resolves dots, so that they are sent encoded.
      const path = `/held-1/${encodeURIComponent(rest).replaceAll(".", "%2E").replaceAll("%2F", "/")}`;
      const url = path.includes("%2E") ? path.replaceAll("/", "%2F").replace("%2F", "/") : path;
      const send = at.client();
      expect(await faultOf(send("PUT", url, { body: rest }))).toBe("200");
      expect(await (await send("GET", url)).text()).toBe(rest);
      const list = await (await send("GET", "?list-type=2&encoding-type=url")).text();
      expect(decodeURIComponent(textsOf(list, "Key")[0]!.replaceAll("+", "%20"))).toBe(`held-1/${rest}`);
    },
  );

  test("has a key of at most 1,024 bytes", async () => {
    await using at = await openScene();
    expect(await faultOf(at.client()("PUT", `/held-1/${"x".repeat(1018)}`, { body: "" }))).toBe(
      "400 KeyTooLongError",
    );
  });
});

describe("a body", () => {
  const put = async (headers: Record<string, string>, body = "hello") => {
    await using at = await openScene();
    const code = await faultOf(at.client()("PUT", "/held-1/a", { body, headers }));
    expect((await at.client()("HEAD", "/held-1/a")).status).toBe(code === "200" ? 200 : 404);
    return code;
  };
  const digest = (algorithm: string, body = "hello") => createHash(algorithm).update(body).digest("base64");

  test.each([
    ["content-md5", digest("md5"), digest("md5", "x")],
    ["x-amz-checksum-crc32", "NhCmhg==", "AAAAAA=="],
    ["x-amz-checksum-crc32c", "mnG7TA==", "AAAAAA=="],
    ["x-amz-checksum-crc64nvme", "M3eFcAZSQlc=", "AAAAAAAAAAA="],
    ["x-amz-checksum-sha1", digest("sha1"), digest("sha1", "x")],
    ["x-amz-checksum-sha256", digest("sha256"), digest("sha256", "x")],
  ])("is verified by its %s", async (name, right, wrong) => {
    expect(await put({ [name]: right })).toBe("200");
    expect(await put({ [name]: wrong })).toBe("400 BadDigest");
  });

  test("is verified by the hash of the signature", async () => {
    const hash = (body: string) => createHash("sha256").update(body).digest("hex");
    expect(await put({ "x-amz-content-sha256": hash("hello") })).toBe("200");
    expect(await put({ "x-amz-content-sha256": hash("other") })).toBe("400 XAmzContentSHA256Mismatch");
    expect(await put({ "content-md5": "short" })).toBe("400 InvalidDigest");
  });

  test("returns the checksum that it was stored with, to those who ask for it and for the whole object", async () => {
    await using at = await openScene();
    const send = at.client();
    await send("PUT", "/held-1/a", { body: "hello", headers: { "x-amz-checksum-crc32": "NhCmhg==" } });
    const ask = (headers: Record<string, string>) => send("GET", "/held-1/a", { headers });
    const mode = { "x-amz-checksum-mode": "ENABLED" };
    const answers = [await ask({}), await ask(mode), await ask({ ...mode, range: "bytes=1-2" })];
    const checksums = answers.map((answer) => answer.headers.get("x-amz-checksum-crc32"));
    expect(checksums).toEqual([null, "NhCmhg==", null]);
  });
});

describe("what is not implemented is refused:", () => {
  test.each([
    ["GET", "/held-1/a?acl"],
    ["GET", "/held-1/a?tagging"],
    ["GET", "/held-1/a?versionId=1"],
    ["GET", "/held-1/a?partNumber=1"],
    ["GET", "/held-1/a?response-content-type=a"],
    ["PUT", "/held-1/a?acl"],
    ["PUT", "/held-1/a?unknown=1"],
    ["DELETE", "/held-1/a?versionId=1"],
    ["GET", "?versioning"],
    ["GET", "?uploads"],
    ["GET", "?versions"],
    ["PUT", ""],
    ["DELETE", ""],
    ["POST", "/held-1/a?select&select-type=2"],
    ["POST", ""],
  ])("%s %s", async (method, path) => {
    await using at = await openScene();
    expect(await faultOf(at.client()(method, path))).toBe("501 NotImplemented");
  });

  test.each([
    ["x-amz-copy-source", "/cache/held-1/b"],
    ["x-amz-server-side-encryption", "AES256"],
    ["x-amz-server-side-encryption-customer-algorithm", "AES256"],
    ["x-amz-tagging", "a=b"],
    ["x-amz-acl", "public-read"],
    ["x-amz-object-lock-mode", "GOVERNANCE"],
    ["x-amz-website-redirect-location", "/a"],
  ])("a put with %s", async (name, value) => {
    await using at = await openScene();
    const answer = at.client()("PUT", "/held-1/a", { body: "x", headers: { [name]: value } });
    expect(await faultOf(answer)).toBe("501 NotImplemented");
    expect(await at.store.open({ project: "held-1", key: "held-1/a" })).toBeUndefined();
  });
});

test("a body in chunks without signatures, as SDKs send it, is verified by its trailer", async () => {
  await using at = await openScene();
  const put = (crc: string) => {
    const body = `5\r\nhello\r\n0\r\nx-amz-checksum-crc32:${crc}\r\n\r\n`;
    const headers = {
      "content-encoding": "aws-chunked",
      "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
      "x-amz-decoded-content-length": "5",
      "x-amz-trailer": "x-amz-checksum-crc32",
    };
    return faultOf(at.client()("PUT", "/held-1/a", { body, headers }));
  };
  expect(await put("AAAAAA==")).toBe("400 BadDigest");
  expect((await at.client()("HEAD", "/held-1/a")).status).toBe(404);
  expect(await put("NhCmhg==")).toBe("200");
  const answer = await at.client()("GET", "/held-1/a");
  expect([answer.headers.get("content-encoding"), answer.headers.get("etag"), await answer.text()]).toEqual([
    null,
    `"${tagOf("hello")}"`,
    "hello",
  ]);
});
