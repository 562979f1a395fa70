import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { decodeBase64, encodeBase64 } from "../../../src/core/text/base64.ts";

test("base64 of any text decodes to the bytes of that text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(encodeBase64(text)).toBe(Buffer.from(text).toString("base64"));
      expect(decodeBase64(encodeBase64(text))).toEqual(new Uint8Array(Buffer.from(text)) as Buffer);
    }),
  );
});

test("base64 of any bytes decodes to them, with any line breaks", () => {
  const wrapped = fc.array(fc.tuple(fc.nat(200), fc.constantFrom("\n", "\r\n")), { maxLength: 5 });
  fc.assert(
    fc.property(fc.uint8Array(), wrapped, (bytes, breaks) => {
      let text = Buffer.from(bytes).toString("base64");
      for (const [at, lineEnd] of breaks) text = text.slice(0, at) + lineEnd + text.slice(at);
      expect(Buffer.from(decodeBase64(text) ?? "none").toString("hex")).toBe(
        Buffer.from(bytes).toString("hex"),
      );
    }),
  );
});

test.each([
  "aGk",
  "aGk==",
  "=",
  "====",
  "a===",
  "aG=k",
  "aGk= ",
  " aGk=",
  "a Gk=",
  "aG\tk",
  "aGk*",
  "_-8=",
  "{SANITIZED}",
  "aGk=aGk=",
])("%j is not base64", (text) => {
  expect(decodeBase64(text)).toBeUndefined();
});

test("very long text is decoded", () => {
  expect(decodeBase64("A".repeat(8_000_000))?.length).toBe(6_000_000);
});
