import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { minSecretBytes, toForms } from "./encodings.ts";
import { createRedactor, mask } from "./redactor.ts";

const secret = `it's "50% off" & a/b+c\\d?\tżółw 語😀 <x@y>`;

test.each([
  ["encodeURIComponent", encodeURIComponent(secret)],
  [
    "encodeURIComponent with small digits",
    encodeURIComponent(secret).replace(/%../g, (code) => code.toLowerCase()),
  ],
  ["encodeURI", encodeURI(secret)],
  ["a form", new URLSearchParams({ a: secret }).toString().slice(2)],
  ["curl --data-urlencode", percentAll(secret, /[A-Za-z0-9\-_.~]/)],
  ["Python's quote", percentAll(secret, /[A-Za-z0-9\-_.~/]/)],
  ["JSON", JSON.stringify(secret)],
  ["JSON with \\/", JSON.stringify(secret).replaceAll("/", "\\/")],
  ["JSON in ASCII", JSON.stringify(secret).replace(/[^\0-\x7f]/g, toUnicodeEscape)],
  [
    "PHP's JSON",
    JSON.stringify(secret)
      .replace(/[^\0-\x7f]/g, toUnicodeEscape)
      .replaceAll("/", "\\/"),
  ],
  ["Go's JSON", JSON.stringify(secret).replace(/[<>&]/g, toUnicodeEscape)],
  ["hex", Buffer.from(secret).toString("hex")],
  ["capital hex", Buffer.from(secret).toString("hex").toUpperCase()],
  ["bash's trace", `'${secret.replaceAll("'", "'\\''")}'`],
])("%s of a value is masked", (_, encoded) => {
  const shown = createRedactor([secret]).redactText(encoded);
  expect(shown).toContain(mask);
  expect(shown.replaceAll(mask, "").length).toBeLessThanOrEqual(2);
});

const shellTexts = fc
  .array(
    fc.constantFrom(
      ..."aZ09 !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
      "ż",
      "語",
      "😀",
      "\t",
      "\n",
      "\r",
      "\x07",
      "\x1b",
      "\x01",
      "\x7f",
    ),
    { minLength: minSecretBytes, maxLength: 40 },
  )
  .map((characters) => characters.join(""))
  // A value's last line ends do not belong to it.
  .filter((text) => Buffer.byteLength(text.replace(/[\r\n]+$/, "")) === Buffer.byteLength(text));

test.each([
  ["printf %q", 'printf %q "$x"'],
  ["printf %q in the locale C", 'LC_ALL=C; printf %q "$x"'],
  ["${x@Q}", 'printf %s "${x@Q}"'],
  ["declare -p", "declare -p x"],
  ["set -x", '{ set -x; : "$x"; } 2>&1'],
])("any value is masked in what bash prints with %s", (_, script) => {
  // One shell for all values, since each takes some milliseconds to start.
  const values = fc.sample(shellTexts, { numRuns: 300, seed: 7 });
  const loop = `for x in "$@"; do ( ${script} ); printf '\\0'; done`;
  const { stdout } = Bun.spawnSync(["bash", "-c", loop, "bash", ...values], {
    env: { ...process.env, LC_ALL: "C.UTF-8" },
  });
  const printed = stdout.toString().split("\0");
  expect(printed.length).toBe(values.length + 1);
  for (const [index, value] of values.entries()) {
    const shown = createRedactor([value]).redactText(printed[index]!);
    expect([value, shown]).toEqual([value, expect.stringContaining(mask)]);
  }
});

test.each([
  ["\t secret value  ", "secret value"],
  ["  two  words\t", "two words"],
  ["\nbegin\nend \n", "begin end"],
])("the value %j is masked as the shell passes it on without quotes: %j", (value, words) => {
  const { stdout } = Bun.spawnSync(["bash", "-c", "echo $x"], { env: { ...process.env, x: value } });
  expect(stdout.toString()).toBe(`${words}\n`);
  const redactor = createRedactor([value]);
  expect(redactor.redactText(`<${words}>`)).toBe(`<${mask}>`);
  expect(redactor.redactText(Buffer.from(value.trim()).toString("base64"))).toStartWith(mask);
});

const bytes = fc.uint8Array({ minLength: minSecretBytes, maxLength: 120 });
const around = fc.uint8Array({ maxLength: 100 });

test.each(["base64", "base64url"] as const)(
  "in %s a value is masked wherever it stands in what is encoded",
  (encoding) => {
    fc.assert(
      fc.property(bytes, around, around, (value, before, behind) => {
        fc.pre(![10, 13].includes(value.at(-1)!));
        const encoded = Buffer.concat([before, value, behind]).toString(encoding);
        const shown = createRedactor([value]).redactText(encoded);
        // A character on each side may remain, since it also has bits of the adjacent text.
        const groups = (length: number) => Math.ceil((length * 8) / 6);
        expect(shown).toContain(mask);
        const [first, last] = [shown.indexOf(mask), shown.length - shown.lastIndexOf(mask) - mask.length];
        expect(first).toBeLessThanOrEqual(groups(before.length));
        expect(last).toBeLessThanOrEqual(groups(behind.length) + 4);
      }),
    );
  },
);

describe("base64 in lines", () => {
  const key = Buffer.from(Array.from({ length: 1700 }, (_, index) => (index * 7919) % 251)).toString(
    "latin1",
  );

  test.each([
    [76, "\n"],
    [64, "\n"],
    [76, "\r\n"],
  ])("of %d characters that end with %j is masked", (columns, end) => {
    const lines = Buffer.from(key, "latin1")
      .toString("base64")
      .match(new RegExp(`.{1,${columns}}`, "g"))!;
    const shown = createRedactor([Buffer.from(key, "latin1")]).redactText(lines.join(end) + end);
    expect(shown.replace(/=*\r?\n$/, "")).toMatch(/^\[REDACTED\].?$/);
  });
});

test("encoded forms are unique and at least six bytes long", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (value) => {
      const forms = toForms(value).map((form) => Buffer.from(form).toString("latin1"));
      expect(new Set(forms).size).toBe(forms.length);
      expect(forms.every((form) => form.length >= minSecretBytes)).toBe(true);
    }),
  );
});

test("a value that is too short has no encoded forms", () => {
  expect(toForms("ż/ ?")).toEqual([]);
  expect(toForms("12345")).toEqual([]);
});

test("a value of letters and digits has few forms", () => {
  expect(toForms("abcdefghij0123456789").length).toBe(6);
});

function percentAll(text: string, safe: RegExp): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return safe.test(character) ? character : `%${byte.toString(16).padStart(2, "0").toUpperCase()}`;
    })
    .join("");
}

function toUnicodeEscape(unit: string): string {
  return [...Array(unit.length).keys()]
    .map((index) => `\\u${unit.charCodeAt(index).toString(16).padStart(4, "0")}`)
    .join("");
}

test("a value of 2 MB of line ends takes linear time", () => {
  const value = `${"\n".repeat(2_000_000)}x\r\n\n`;
  expect(toForms(value).map(({ length }) => length)).toContain(2_000_001);
});
