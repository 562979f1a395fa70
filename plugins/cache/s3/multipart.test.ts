import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { tagOf } from "../testing/objects.ts";
import { faultOf, openScene, textsOf } from "../testing/scene.ts";

type Send = ReturnType<Awaited<ReturnType<typeof openScene>>["client"]>;

const begin = async (send: Send, path = "/held-1/a", headers: Record<string, string> = {}) =>
  textsOf(await (await send("POST", `${path}?uploads`, { headers })).text(), "UploadId")[0]!;
const upload = (send: Send, id: string, number: number, body: string, headers: Record<string, string> = {}) =>
  send("PUT", `/held-1/a?partNumber=${number}&uploadId=${id}`, { body, headers });
const toList = (parts: readonly (readonly [number: number, etag: string])[]) =>
  `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts
    .map(
      ([number, etag]) => `<Part><PartNumber>${number}</PartNumber><ETag>&quot;${etag}&quot;</ETag></Part>`,
    )
    .join("")}</CompleteMultipartUpload>`;
const complete = (send: Send, id: string, body: string) => send("POST", `/held-1/a?uploadId=${id}`, { body });

const [one, two, three] = ["a".repeat(2000), "b".repeat(300_000), "c"];

describe("an upload in parts", () => {
  test("is an object when it is complete, with an ETag of those of its parts", async () => {
    await using at = await openScene();
    const send = at.client();
    const id = await begin(send, "/held-1/a", { "content-type": "text/plain", "x-amz-meta-a": "b" });
    for (const [number, body] of [
      [7, three],
      [2, two],
      [1, one],
    ] as const)
      expect((await upload(send, id, number, body)).headers.get("etag")).toBe(`"${tagOf(body)}"`);
    expect((await send("HEAD", "/held-1/a")).status).toBe(404);
    const answer = await complete(
      send,
      id,
      toList([
        [1, tagOf(one)],
        [2, tagOf(two)],
        [7, tagOf(three)],
      ]),
    );
    const etag = `${createHash("md5")
      .update(tagOf(one) + tagOf(two) + tagOf(three))
      .digest("hex")}-3`;
    const text = await answer.text();
    expect([answer.status, textsOf(text, "ETag"), textsOf(text, "Key")]).toEqual([
      200,
      [`&quot;${etag}&quot;`],
      ["held-1/a"],
    ]);
    const stored = await send("GET", "/held-1/a");
    expect([
      stored.headers.get("etag"),
      stored.headers.get("content-type"),
      stored.headers.get("x-amz-meta-a"),
    ]).toEqual([`"${etag}"`, "text/plain", "b"]);
    expect((await stored.text()) === one + two + three).toBe(true);
    const range = await send("GET", "/held-1/a", { headers: { range: "bytes=1999-2000" } });
    expect(await range.text()).toBe("ab");
  });

  test("keeps the last content of a part, and no file of what was left out", async () => {
    await using at = await openScene();
    const send = at.client();
    const id = await begin(send);
    await upload(send, id, 1, two);
    await upload(send, id, 1, one);
    await upload(send, id, 2, three);
    await upload(send, id, 3, three);
    expect(
      await faultOf(
        complete(
          send,
          id,
          toList([
            [1, tagOf(one)],
            [2, tagOf(three)],
          ]),
        ),
      ),
    ).toBe("200");
    expect(await (await send("GET", "/held-1/a")).text()).toBe(one + three);
    while (readdirSync(join(at.root, "contents")).length > 2) await Bun.sleep(5);
    expect(await faultOf(complete(send, id, toList([[1, tagOf(one)]])))).toBe("404 NoSuchUpload");
  });

  test("that is aborted leaves the object before, and no files", async () => {
    await using at = await openScene();
    const send = at.client();
    await send("PUT", "/held-1/a", { body: "before" });
    const id = await begin(send);
    await upload(send, id, 1, one);
    expect((await send("DELETE", `/held-1/a?uploadId=${id}`)).status).toBe(204);
    expect(await (await send("GET", "/held-1/a")).text()).toBe("before");
    expect(readdirSync(join(at.root, "contents"))).toHaveLength(1);
    expect(await faultOf(upload(send, id, 1, one))).toBe("404 NoSuchUpload");
  });

  test.each([
    [
      "of another order",
      toList([
        [2, tagOf(two)],
        [1, tagOf(one)],
      ]),
      "400 InvalidPartOrder",
    ],
    [
      "twice",
      toList([
        [1, tagOf(one)],
        [1, tagOf(one)],
      ]),
      "400 InvalidPartOrder",
    ],
    [
      "that were not uploaded",
      toList([
        [1, tagOf(one)],
        [9, tagOf(two)],
      ]),
      "400 InvalidPart",
    ],
    ["with another ETag", toList([[1, tagOf(two)]]), "400 InvalidPart"],
    [
      "that are too small",
      toList([
        [3, tagOf(three)],
        [4, tagOf(three)],
      ]),
      "400 EntityTooSmall",
    ],
    ["of no number", toList([]), "400 MalformedXML"],
    ["in another document", "<Delete></Delete>", "400 MalformedXML"],
    ["in no document", "parts", "400 MalformedXML"],
    ["with an entity", `<!DOCTYPE a [<!ENTITY b "c">]>${toList([[1, tagOf(one)]])}`, "400 MalformedXML"],
    ["with too many levels", "<a>".repeat(1000), "400 MalformedXML"],
  ])("is not completed with parts %s, and can still be completed", async (_, body, code) => {
    await using at = await openScene();
    const send = at.client();
    const id = await begin(send);
    const parts = [one, two, three, three];
    for (const [index, part] of parts.entries()) await upload(send, id, index + 1, part);
    expect(await faultOf(complete(send, id, body))).toBe(code);
    expect(
      await faultOf(
        complete(
          send,
          id,
          toList([
            [1, tagOf(one)],
            [2, tagOf(two)],
          ]),
        ),
      ),
    ).toBe("200");
  });

  test("belongs to its key, and to its project", async () => {
    await using at = await openScene();
    const [send, other] = [at.client(), at.client({ project: "held-2" })];
    const id = await begin(send);
    const path = `partNumber=1&uploadId=${id}`;
    expect(await faultOf(send("PUT", `/held-1/b?${path}`, { body: "x" }))).toBe("404 NoSuchUpload");
    expect(await faultOf(other("PUT", `/held-2/a?${path}`, { body: "x" }))).toBe("404 NoSuchUpload");
    expect(await faultOf(other("PUT", `/held-1/a?${path}`, { body: "x" }))).toBe("403 AccessDenied");
  });

  test("verifies the checksums of parts, and refuses those of the whole", async () => {
    await using at = await openScene();
    const send = at.client();
    const id = await begin(send, "/held-1/a", { "x-amz-checksum-algorithm": "CRC32" });
    expect(await faultOf(upload(send, id, 1, "hello", { "x-amz-checksum-crc32": "AAAAAA==" }))).toBe(
      "400 BadDigest",
    );
    expect(await faultOf(upload(send, id, 1, "hello", { "x-amz-checksum-crc32": "NhCmhg==" }))).toBe("200");
    const list = (crc: string) =>
      toList([[1, tagOf("hello")]]).replace("</Part>", `<ChecksumCRC32>${crc}</ChecksumCRC32></Part>`);
    expect(await faultOf(complete(send, id, list("AAAAAA==")))).toBe("400 InvalidPart");
    expect(await faultOf(complete(send, id, list("NhCmhg==")))).toBe("200");
    const whole = send("POST", "/held-1/a?uploads", { headers: { "x-amz-checksum-type": "FULL_OBJECT" } });
    expect(await faultOf(whole)).toBe("501 NotImplemented");
  });

  test("that is idle is removed", async () => {
    await using at = await openScene({ idleMs: 50 });
    const send = at.client();
    const id = await begin(send);
    await upload(send, id, 1, one);
    while (readdirSync(join(at.root, "contents")).length > 0) await Bun.sleep(10);
    expect(await faultOf(upload(send, id, 1, one))).toBe("404 NoSuchUpload");
  });

  test("is refused when its project has too many, and those of others are not", async () => {
    await using at = await openScene();
    const send = at.client();
    for (let n = 0; n < 64; n++) await begin(send);
    expect(await faultOf(send("POST", "/held-1/a?uploads"))).toBe("503 SlowDown");
    expect(await begin(at.client({ project: "held-2" }), "/held-2/a")).toBeString();
  });
});
