import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { createRedactor, mask, minSecretBytes, type Redactor } from "../../src/log/redactor.ts";
import { cutAt } from "./fixtures.ts";

function redact(redactor: Redactor, pieces: readonly (Uint8Array | string)[]): string {
  const parts = pieces.map((piece) => Buffer.from(redactor.push(Buffer.from(piece as string))));
  return Buffer.concat([...parts, redactor.flush()]).toString();
}

/** What the redactor is to do, without any care for speed. */
function redactNaively(
  text: string,
  secrets: readonly string[],
): { text: string; count: number; bytes: number } {
  const forms = secrets.flatMap((secret) => {
    const value = secret.replace(/[\r\n]+$/, "");
    const plain = value.replaceAll("\r\n", "\n");
    return [value, plain, value.replaceAll("\n", "\r\n"), plain.replaceAll("\n", "\r\n")];
  });
  const hits: [start: number, end: number][] = [];
  for (const form of forms.filter((form) => form.length >= minSecretBytes)) {
    for (let at = text.indexOf(form); at >= 0; at = text.indexOf(form, at + 1))
      hits.push([at, at + form.length]);
  }
  hits.sort(([a], [b]) => a - b);
  const regions: [start: number, end: number][] = [];
  for (const [start, end] of hits) {
    const last = regions.at(-1);
    if (last && start < last[1]) last[1] = Math.max(last[1], end);
    else regions.push([start, end]);
  }
  let masked = "";
  let done = 0;
  for (const [start, end] of regions) {
    masked += text.slice(done, start) + mask;
    done = end;
  }
  const bytes = regions.reduce((sum, [start, end]) => sum + end - start, 0);
  return { text: masked + text.slice(done), count: regions.length, bytes };
}

/** Few letters, so that values overlap, touch, begin and end alike. */
const letters = fc.constantFrom("a", "a", "b", "\n", "\r\n");
const anySecret = fc.oneof(
  fc.array(letters, { minLength: 4, maxLength: 12 }).map((parts) => parts.join("")),
  fc
    .tuple(fc.constantFrom("a", "ab", "aab", "ab\n"), fc.integer({ min: 3, max: 30 }))
    .map(([unit, times]) => unit.repeat(times)),
);
const anyText = fc
  .array(fc.oneof(letters, anySecret, fc.constantFrom("aaaaaa", "ababab", "xyz")), { maxLength: 40 })
  .map((parts) => parts.join(""));
const anyCuts = fc.array(fc.nat(2000), { maxLength: 12 });

test("the stream masks what a search of the whole text finds, for any values and any cutting", () => {
  fc.assert(
    fc.property(fc.array(anySecret, { maxLength: 6 }), anyText, anyCuts, (secrets, text, cuts) => {
      const redactor = createRedactor(secrets);
      const expected = redactNaively(text, secrets);
      expect(redact(redactor, cutAt(Buffer.from(text), cuts))).toBe(expected.text);
      expect({ count: redactor.count, bytes: redactor.redactedBytes }).toEqual({
        count: expected.count,
        bytes: expected.bytes,
      });
      expect(createRedactor(secrets).redactText(text)).toBe(expected.text);
    }),
    { numRuns: 3000 },
  );
});

test("values taken from the text itself are masked, whatever their bytes", () => {
  const places = fc.array(fc.tuple(fc.nat(500), fc.integer({ min: 6, max: 80 })), { maxLength: 8 });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), places, anyCuts, (bytes, places, cuts) => {
      const text = Buffer.from(bytes).toString("latin1");
      const secrets = places.map(([at, length]) => text.slice(at, at + length));
      const redactor = createRedactor(secrets.map((secret) => Buffer.from(secret, "latin1")));
      const parts = cutAt(bytes, cuts).map((part) => Buffer.from(redactor.push(part)));
      const masked = Buffer.concat([...parts, redactor.flush()]).toString("latin1");
      expect(masked).toBe(redactNaively(text, secrets).text);
    }),
    { numRuns: 500 },
  );
});

test("what overlaps becomes one mask, what touches becomes two", () => {
  const redactor = createRedactor(["abcdef", "defghi"]);
  expect(redactor.redactText("<abcdefghi> <abcdefabcdef>")).toBe(`<${mask}> <${mask}${mask}>`);
});

test("the longer of two values is masked whole when one begins like the other", () => {
  expect(
    redact(createRedactor(["secret", "secret-and-more"]), ["secret-a", "nd-more, secret-and-less"]),
  ).toBe(`${mask}, ${mask}-and-less`);
});

test("a value of several lines is masked as a terminal shows it, whole and not line by line", () => {
  const redactor = createRedactor(["one line\nanother\n"]);
  expect(redact(redactor, ["one line\r", "\nanother\r\n", "one line\r\nother"])).toBe(
    `${mask}\r\none line\r\nother`,
  );
});

test("values of fewer than six bytes are not masked", () => {
  expect(redact(createRedactor(["", "true", "12345", "12345\n\n"]), ["true 12345\n"])).toBe("true 12345\n");
});

test("without values the bytes pass as they are", () => {
  const bytes = Buffer.from("anything");
  expect(createRedactor([]).push(bytes)).toBe(bytes);
  expect(createRedactor(["short"]).push(bytes)).toBe(bytes);
});

test("bytes in which nothing is found or held are not copied", () => {
  const bytes = Buffer.from("nothing to see here.");
  expect(createRedactor(["secret"]).push(bytes)).toBe(bytes);
});

test("what may become a value is held until it is decided, and shown when the stream ends", () => {
  const redactor = createRedactor(["secret-value"]);
  expect(Buffer.from(redactor.push(Buffer.from("a sec"))).toString()).toBe("a ");
  expect(Buffer.from(redactor.push(Buffer.from("ret"))).toString()).toBe("");
  expect(Buffer.from(redactor.push(Buffer.from("ary, sec"))).toString()).toBe("secretary, ");
  expect(Buffer.from(redactor.flush()).toString()).toBe("sec");
  expect(Buffer.from(redactor.push(Buffer.from("ret-value"))).toString()).toBe("ret-value");
});

test("a value that is added is masked from then on, also when its beginning is already held", () => {
  const redactor = createRedactor(["secret"]);
  const first = Buffer.from(redactor.push(Buffer.from("shown-later s"))).toString();
  redactor.add("sesame");
  expect(first + redact(redactor, ["esame"])).toBe(`shown-later ${mask}`);
});

test("a text is masked without touching the stream", () => {
  const redactor = createRedactor(["secret"]);
  redactor.push(Buffer.from("sec"));
  expect(redactor.redactText("echo secret żółw")).toBe(`echo ${mask} żółw`);
  expect(redactor.redactText("ret")).toBe("ret");
  expect(redactor.count).toBe(0);
  expect(redact(redactor, ["ret"])).toBe(mask);
});

test("a long value that repeats itself does not make the search quadratic", () => {
  const redactor = createRedactor([`${"a".repeat(100_000)}b`, "a".repeat(90_000)]);
  const flood = Buffer.alloc(4_000_000, "a");
  expect(redact(redactor, [flood])).toBe(mask);
  expect(redactor.redactedBytes).toBe(4_000_000);
});

test("the caller may use its bytes again after the push", () => {
  const redactor = createRedactor(["secret"]);
  const bytes = Buffer.from("sec");
  redactor.push(bytes);
  bytes.fill(0x78);
  expect(Buffer.from(redactor.flush()).toString()).toBe("sec");
});
