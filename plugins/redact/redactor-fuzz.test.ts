import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { toForms } from "./encodings.ts";
import { createRedactor } from "./redactor.ts";
import { tokenShapes } from "./shapes.ts";
import { cutAt } from "./testing/cut.ts";
import { redactNaively } from "./testing/naive-redactor.ts";

/** A long run: `FUZZ_RUNS=1000000 FUZZ_SEED=7 bun test test/log/redactor-fuzz.test.ts`. */
const { FUZZ_RUNS, FUZZ_SEED } = process.env;
const runs = (usual: number) => ({
  numRuns: Number(FUZZ_RUNS ?? usual),
  ...(FUZZ_SEED === undefined ? {} : { seed: Number(FUZZ_SEED) }),
});

/** A small alphabet, so that values overlap and have common prefixes and suffixes. */
const letters = fc.constantFrom("a", "a", "b", "\n", "\r\n");
const repeated = fc
  .tuple(fc.constantFrom("a", "ab", "aab", "ab\n", "abc/"), fc.integer({ min: 3, max: 30 }))
  .map(([unit, times]) => unit.repeat(times));
/** Characters that the encodings escape. */
const odd = fc.constantFrom(
  "a",
  "B",
  "0",
  " ",
  "/",
  "+",
  "'",
  '"',
  "\\",
  "%",
  "ż",
  "語",
  "😀",
  "\n",
  "\t",
  "<",
  "~",
  "\xff",
);
const anySecret = fc.oneof(
  fc.array(letters, { minLength: 4, maxLength: 12 }).map((parts) => parts.join("")),
  repeated,
  fc.array(odd, { minLength: 4, maxLength: 90 }).map((parts) => parts.join("")),
  fc.string({ unit: fc.constantFrom("a", "b", "c", "1"), minLength: 6, maxLength: 8 }),
  // Values that overlap with tokens.
  fc.constantFrom("xghp_a1B2", "xAKIAIO", "EXAMPLEx", "xeyJhbGci", "-BEGIN RSA"),
);
/** Values, some of which are prefixes of others. */
const anySecrets = fc
  .tuple(fc.array(anySecret, { maxLength: 6 }), fc.nat(20), fc.nat(3))
  .map(([secrets, cut, more]) => [
    ...secrets,
    ...secrets.slice(0, more).map((secret) => secret.slice(0, cut)),
  ]);

const tokens = fc.constantFrom(
  `ghp_${"a1B2".repeat(9)}`,
  `gho_${"a".repeat(35)}`,
  `github_pat_${"A".repeat(22)}_${"b".repeat(59)}`,
  "glpat-aaaaaaaaaaaaaaaaaaaa",
  "AKIAIOSFODNN7EXAMPLE",
  "ASIAAKIAAKIAAKIAAKIA",
  `xoxb-${"12345-".repeat(5)}`,
  `npm_${"x".repeat(36)}`,
  `npm_npm_${"x".repeat(36)}`,
  `AIzaSy${"_".repeat(33)}`,
  `sk_live_${"0".repeat(24)}`,
  `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.${"s".repeat(43)}`,
  `eyJ0eXAiOiJKV1QifQ.eyJhbGciOiJIUzI1NiJ9.${"s".repeat(43)}`,
  `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.${"s".repeat(31)}`,
  `-----BEGIN RSA PRIVATE KEY-----\r\n${`${"M".repeat(64)}\n`.repeat(3)}-----END RSA PRIVATE KEY-----`,
);
const scraps = fc.constantFrom(
  "aaaaaa",
  "ababab",
  "xyz",
  " ",
  "\r\n",
  ".",
  "-",
  "_",
  "eyJhbGci",
  "ghp_",
  "x",
  "A",
  "s",
  "BEGIN ",
);

/** Texts that consist of values, encodings and tokens, complete and truncated. */
const anyCase = anySecrets.chain((secrets) => {
  const forms = secrets.flatMap(toForms).map((form) => Buffer.from(form));
  const whole = fc.oneof(
    letters,
    scraps,
    tokens,
    ...(secrets.length > 0 ? [fc.constantFrom(...secrets)] : []),
  );
  const pieces = fc.oneof(
    whole.map((text) => Buffer.from(text)),
    ...(forms.length > 0 ? [fc.constantFrom(...forms), fc.constantFrom(...forms)] : []),
  );
  const cutPiece = fc
    .tuple(pieces, fc.nat(80), fc.nat(200))
    .map(([piece, from, to]) => piece.subarray(from, Math.max(from, to)));
  const text = fc
    .array(fc.oneof({ weight: 3, arbitrary: pieces }, { weight: 1, arbitrary: cutPiece }), { maxLength: 14 })
    .map((parts) => Buffer.concat(parts));
  return fc.record({
    secrets: fc.constant(secrets),
    text,
    cuts: fc.array(fc.nat(2000), { maxLength: 12 }),
    shift: fc.nat(3),
    shapes: fc.boolean(),
    patienceBytes: fc.constantFrom(0, 100, 10_000),
  });
});

const prefixes = tokenShapes().flatMap((shape) => shape.prefixes.map((prefix) => Buffer.from(prefix)));

/**
 * The stream does not hold back the first two bytes of a token that follows a letter or digit, so no cut is
 * made there.
 */
function allowCuts(text: Buffer, cuts: readonly number[]): number[] {
  const isWithin = (cut: number, before: number) =>
    /\w/.test(String.fromCharCode(text[cut - before - 1] ?? 0)) &&
    prefixes.some((prefix) => prefix.subarray(0, before).equals(text.subarray(cut - before, cut)));
  return cuts
    .map((cut) => cut % (text.length + 1))
    .filter((cut) => ![1, 2].some((before) => cut > before && isWithin(cut, before)));
}

/** Copies bytes to another offset, since the search reads aligned words. */
function shifted(bytes: Uint8Array, by: number): Uint8Array {
  const place = new Uint8Array(by + bytes.length).subarray(by);
  place.set(bytes);
  return place;
}

test(
  "the stream masks what a search of the whole text finds, for any values, tokens and encodings, and any cutting",
  () => {
    fc.assert(
      fc.property(anyCase, ({ secrets, text, cuts, shift, shapes, patienceBytes }) => {
        const expected = redactNaively(text.toString("latin1"), secrets, shapes);
        const redactor = createRedactor(secrets, { shapes, patienceBytes });
        const parts = cutAt(text, allowCuts(text, cuts)).map((part) =>
          Buffer.from(redactor.push(shifted(part, shift))),
        );
        const masked = Buffer.concat([...parts, redactor.flush()]).toString("latin1");
        expect(masked).toBe(expected.text);
        expect([redactor.count, redactor.redactedBytes]).toEqual([expected.count, expected.bytes]);
        const whole = createRedactor(secrets, { shapes }).redactText(text.toString());
        const again = redactNaively(Buffer.from(text.toString()).toString("latin1"), secrets, shapes);
        expect(whole).toBe(Buffer.from(again.text, "latin1").toString());
      }),
      runs(3000),
    );
  },
  2 ** 31 - 1,
);

test(
  "values taken from the text itself are masked, whatever their bytes",
  () => {
    const places = fc.array(fc.tuple(fc.nat(500), fc.integer({ min: 6, max: 80 })), { maxLength: 8 });
    const cuts = fc.array(fc.nat(2000), { maxLength: 12 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), places, cuts, (bytes, places, cuts) => {
        const secrets = places.map(([at, length]) => bytes.slice(at, at + length));
        const redactor = createRedactor(secrets, { patienceBytes: 0 });
        const parts = cutAt(bytes, cuts).map((part) => Buffer.from(redactor.push(part)));
        const masked = Buffer.concat([...parts, redactor.flush()]).toString("latin1");
        expect(masked).toBe(redactNaively(Buffer.from(bytes).toString("latin1"), secrets).text);
      }),
      runs(500),
    );
  },
  2 ** 31 - 1,
);
