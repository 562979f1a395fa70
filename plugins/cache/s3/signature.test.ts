import { describe, expect, test } from "bun:test";
import { createSigningKey, signRequest } from "./canonical-request.ts";
import { decodeChunks } from "./chunked-payload.ts";

// The examples that the documentation of AWS has for signatures of version 4.

const scope = { date: "20130524", region: "us-east-1" };
const time = "20130524T000000Z";
const key = createSigningKey("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", scope);
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

function sign(method: string, target: string, headers: Record<string, string>, payload = emptyHash): string {
  const [path = "", queryText = ""] = target.split("?");
  const header = (name: string) => headers[name] ?? "";
  return signRequest(key, {
    method,
    path,
    queryText,
    header,
    time,
    scope,
    headers: Object.keys(headers),
    payload,
  });
}

describe("the signature of", () => {
  const host = "examplebucket.s3.amazonaws.com";
  const common = { "x-amz-content-sha256": emptyHash, "x-amz-date": time };

  test.each([
    [
      "a range",
      "/test.txt",
      { host, range: "bytes=0-9", ...common },
      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ],
    [
      "a lifecycle",
      "/?lifecycle",
      { host, ...common },
      "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ],
    [
      "a list",
      "/?max-keys=2&prefix=J",
      { host, ...common },
      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ],
  ])("%s is that of the example", (_, target, headers, expected) => {
    expect(sign("GET", target, headers)).toBe(expected);
  });

  test("a put is that of the example", () => {
    const payload = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    const headers = {
      date: "Fri, 24 May 2013 00:00:00 GMT",
      host,
      "x-amz-content-sha256": payload,
      "x-amz-date": time,
      "x-amz-storage-class": "REDUCED_REDUNDANCY",
    };
    expect(sign("PUT", "/test$file.text", headers, payload)).toBe(
      "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    );
  });

  test("a presigned URL is that of the example", () => {
    const query =
      "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=x";
    expect(sign("GET", `/test.txt?${query}`, { host }, "UNSIGNED-PAYLOAD")).toBe(
      "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
    );
  });
});

describe("a body in signed chunks", () => {
  const text = "a".repeat(65_536);
  const signed = [
    `10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n${text}\r\n`,
    `400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n${text.slice(0, 1024)}\r\n`,
    "0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n",
  ].join("");
  const withTrailer = [
    `10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n${text}\r\n`,
    `400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n${text.slice(0, 1024)}\r\n`,
    "0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n",
    "x-amz-checksum-crc32c:sOO8/Q==\r\n",
    "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n",
  ].join("");

  const seeds = {
    payload: "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    trailer: "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
  };
  const decode = async (body: string, kind: keyof typeof seeds, pieceBytes: number) => {
    const bytes = Buffer.from(body);
    async function* split() {
      for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
    }
    let trailer: Record<string, string> = {};
    const decoded = await Array.fromAsync(
      decodeChunks(split(), {
        chain: { key, time, scope, seed: seeds[kind] },
        hasTrailer: kind === "trailer",
        onTrailer: (fields) => void (trailer = Object.fromEntries(fields)),
      }),
    );
    return { text: Buffer.concat(decoded).toString(), trailer };
  };

  test("has the seed of the example", () => {
    const headers = {
      "content-encoding": "aws-chunked",
      "content-length": "66824",
      host: "s3.amazonaws.com",
      "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
      "x-amz-date": time,
      "x-amz-decoded-content-length": "66560",
      "x-amz-storage-class": "REDUCED_REDUNDANCY",
    };
    expect(sign("PUT", "/examplebucket/chunkObject.txt", headers, headers["x-amz-content-sha256"])).toBe(
      seeds.payload,
    );
  });

  test.each([1, 7, 1024, 100_000])("is decoded in pieces of %d bytes", async (pieceBytes) => {
    const whole = { text: "a".repeat(66_560), trailer: {} };
    expect(await decode(signed, "payload", pieceBytes)).toEqual(whole);
    const trailer = { "x-amz-checksum-crc32c": "sOO8/Q==" };
    expect(await decode(withTrailer, "trailer", pieceBytes)).toEqual({ ...whole, trailer });
  });

  const wrong = "CACHE_SIGNATURE_DOES_NOT_MATCH";
  test.each([
    ["a byte", signed.replace("aa", "ab"), "payload", wrong],
    ["the last signature", signed.replace("b6c6", "b6c7"), "payload", wrong],
    ["a missing signature", signed.replace(/;chunk-signature=b\w+/, ""), "payload", wrong],
    ["the trailer", withTrailer.replace("sOO8", "sOO9"), "trailer", wrong],
    ["a missing trailer signature", withTrailer.replace(/x-amz-trailer-sig.*\r\n/, ""), "trailer", wrong],
    ["a cut", signed.slice(0, -70), "payload", "CACHE_INCOMPLETE_BODY"],
    ["a size", signed.replace("10000;", "1000g;"), "payload", "CACHE_INVALID_REQUEST"],
    [
      "a size that is too large",
      signed.replace("10000;", "ffffffffffffffff;"),
      "payload",
      "CACHE_INVALID_REQUEST",
    ],
    ["more after the end", `${signed}x`, "payload", "CACHE_INVALID_REQUEST"],
    ["a trailer where there is none", withTrailer, "payload", "CACHE_SIGNATURE_DOES_NOT_MATCH"],
    ["a line without an end", "1".repeat(5000), "payload", "CACHE_INVALID_REQUEST"],
  ] as const)("with a fault is refused: %s", async (_, body, kind, code) => {
    const failed = await decode(body, kind, 1000).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code });
  });
});
