import { expect, test } from "bun:test";
import { createRedactor, mask, type Redactor } from "./redactor.ts";

function redact(redactor: Redactor, pieces: readonly (Uint8Array | string)[]): string {
  const parts = pieces.map((piece) => Buffer.from(redactor.push(Buffer.from(piece as string))));
  return Buffer.concat([...parts, redactor.flush()]).toString();
}

test("overlapping values become one mask, adjacent values become two", () => {
  const redactor = createRedactor(["abcdef", "defghi"]);
  expect(redactor.redactText("<abcdefghi> <abcdefabcdef>")).toBe(`<${mask}> <${mask}${mask}>`);
});

test("the longer of two values with a common prefix is masked completely", () => {
  expect(
    redact(createRedactor(["secret", "secret-and-more"]), ["secret-a", "nd-more, secret-and-less"]),
  ).toBe(`${mask}, ${mask}-and-less`);
});

test("a multi-line value is masked as a whole, with the line ends of a terminal", () => {
  const redactor = createRedactor(["one line\nanother\n"]);
  expect(redact(redactor, ["one line\r", "\nanother\r\n", "one line\r\nother"])).toBe(
    `${mask}\r\none line\r\nother`,
  );
});

const line = (seed: number) =>
  Buffer.from(Array.from({ length: 48 }, (_, at) => (seed * 7919 + at * at) % 251)).toString("base64");
const pem = ["-----BEGIN PRIVATE KEY-----", line(1), line(2), line(3), "-----END PRIVATE KEY-----", ""].join(
  "\n",
);

test.each([
  ["indented", "sed 's/^/    /'"],
  ["numbered", "nl"],
  ["with a prefix", "sed 's/^/key | /'"],
  ["joined by blanks", "tr '\\n' ' '"],
  ["cut to one line", "sed -n 3p"],
  ["indented and encoded in base64", "sed 's/^/   /' | base64 -w 0"],
  ["in the shell's words", "xargs echo"],
])("a value of several lines is masked %s", (_, command) => {
  const { stdout } = Bun.spawnSync(["sh", "-c", command], { stdin: Buffer.from(pem) });
  const shown = redact(createRedactor([pem]), [stdout]);
  expect(shown).toContain(mask);
  for (const seed of [1, 2, 3]) {
    expect(shown).not.toContain(line(seed).slice(4, 20));
    expect(shown).not.toContain(Buffer.from(line(seed)).toString("base64").slice(4, 20));
  }
});

test("short lines of a value, and the header and footer of a key, are not values", () => {
  const text = `-----BEGIN PRIVATE KEY-----\n  "type": "a",\n-----END PRIVATE KEY-----\n`;
  expect(createRedactor([pem, `{\n  "type": "a",\n  "key": "${line(1)}"\n}`]).redactText(text)).toBe(text);
});

test("a job that adds 65,000 lines as values costs no more memory than they need", () => {
  const redactor = createRedactor();
  const before = process.memoryUsage().rss;
  for (let count = 0; count < 16; count += 1) {
    redactor.add([
      Array.from({ length: 4096 }, (_, at) => String(count * 4096 + at).padStart(15, "x") + "y").join("\n"),
    ]);
  }
  redactor.push(Buffer.from("x".repeat(15)));
  expect(process.memoryUsage().rss - before).toBeLessThan(256 * 1024 * 1024);
  expect(redactor.redactText(`<${"65535".padStart(15, "x")}y>`)).toBe(`<${mask}>`);
});

test("values of fewer than six bytes are not masked", () => {
  expect(redact(createRedactor(["", "true", "12345", "12345\n\n"]), ["true 12345\n"])).toBe("true 12345\n");
});

test("without values the bytes pass unchanged", () => {
  const bytes = Buffer.from("anything");
  expect(createRedactor([]).push(bytes)).toBe(bytes);
  expect(createRedactor(["short"]).push(bytes)).toBe(bytes);
});

test("bytes without matches are not copied", () => {
  const bytes = Buffer.from("nothing to see here.");
  expect(createRedactor(["secret"]).push(bytes)).toBe(bytes);
});

test("a possible beginning of a value is held until it is resolved, and passed on at the end of the stream", () => {
  const redactor = createRedactor(["secret-value"]);
  expect(Buffer.from(redactor.push(Buffer.from("a sec"))).toString()).toBe("a ");
  expect(Buffer.from(redactor.push(Buffer.from("ret"))).toString()).toBe("");
  expect(Buffer.from(redactor.push(Buffer.from("ary, sec"))).toString()).toBe("secretary, ");
  expect(Buffer.from(redactor.flush()).toString()).toBe("sec");
  expect(Buffer.from(redactor.push(Buffer.from("ret-value"))).toString()).toBe("ret-value");
});

test("an added value is masked from then on, even if its beginning is already held", () => {
  const redactor = createRedactor(["secret"]);
  const first = Buffer.from(redactor.push(Buffer.from("shown-later s"))).toString();
  redactor.add(["sesame"]);
  expect(first + redact(redactor, ["esame"])).toBe(`shown-later ${mask}`);
});

test("masking a text does not affect the stream", () => {
  const redactor = createRedactor(["secret"]);
  redactor.push(Buffer.from("sec"));
  expect(redactor.redactText("echo secret żółw")).toBe(`echo ${mask} żółw`);
  expect(redactor.redactText("ret")).toBe("ret");
  expect(redactor.count).toBe(0);
  expect(redact(redactor, ["ret"])).toBe(mask);
});

test("a long repetitive value does not make the search quadratic", () => {
  const redactor = createRedactor([`${"a".repeat(100_000)}b`, "a".repeat(90_000)]);
  const flood = Buffer.alloc(4_000_000, "a");
  expect(redact(redactor, [flood])).toBe(mask);
  expect(redactor.redactedBytes).toBe(4_000_000);
});

test("the caller can reuse its buffer after the push", () => {
  const redactor = createRedactor(["secret"]);
  const bytes = Buffer.from("sec");
  redactor.push(bytes);
  bytes.fill(0x78);
  expect(Buffer.from(redactor.flush()).toString()).toBe("sec");
});
