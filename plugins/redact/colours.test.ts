import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { createRedactor, mask, type Redactor } from "./redactor.ts";
import { cutAt } from "./testing/cut.ts";
import { redactNaively } from "./testing/naive-redactor.ts";

function redact(redactor: Redactor, pieces: readonly (Uint8Array | string)[]): string {
  const parts = pieces.map((piece) => Buffer.from(redactor.push(Buffer.from(piece as string))));
  return Buffer.concat([...parts, redactor.flush()]).toString();
}

const value = "s3cret-value of mine";

test.each(["s3", "c", "ret", "e", "value", " ", value, "t-value of m"])(
  "a value is masked in which grep highlights %j",
  (part) => {
    const options = { env: { PATH: process.env.PATH, GREP_COLORS: undefined }, stdin: Buffer.from(value) };
    const { stdout } = Bun.spawnSync(["grep", "--color=always", part], options);
    expect(stdout.toString()).toContain("\x1b[01;31m\x1b[K");
    const shown = redact(createRedactor([value]), [`before ${stdout.toString().trimEnd()} behind\n`]);
    expect(withoutSequences(shown)).toBe(`before ${mask} behind\n`);
  },
);

test("colours within a value remain behind its mask, so that they end where they ended", () => {
  const redactor = createRedactor([value]);
  expect(redactor.redactText("a \x1b[31ms3cret\x1b[0m-value\x1b[4m of mine\x1b[0m b")).toBe(
    `a \x1b[31m${mask}\x1b[0m\x1b[4m\x1b[0m b`,
  );
  expect(redactor.redactText("\x1b[38;2;1;2;3ms3\x1b[mcret-value of mine")).toBe(
    `\x1b[38;2;1;2;3m${mask}\x1b[m`,
  );
});

test("a value is masked in which `tput sgr0` ends the colours", () => {
  const { stdout } = Bun.spawnSync(["tput", "-T", "xterm-256color", "sgr0"], { stderr: "ignore" });
  // Where there is no `tput`: what it prints.
  const reset = stdout.toString() || "\x1b(B\x1b[m";
  expect(createRedactor([value]).redactText(`a s3cret${reset}-value of mine b`)).toBe(`a ${mask}${reset} b`);
});

test("a token with colours is masked", () => {
  const token = `ghp_${"aB3".repeat(12)}`;
  const shown = createRedactor([], { shapes: true }).redactText(`gh\x1b[1mp_${token.slice(4)} x`);
  expect(shown).toBe(`${mask}\x1b[1m x`);
});

test("output with colours and without values passes unchanged and is not copied", () => {
  const bytes = Buffer.from(
    "\x1b[32m+\x1b[m\x1b[32mconst a\x1b[0m = \x1b[1mb\x1b[0m;\x1b]8;;url\x07x\x1b[2K.",
  );
  expect(createRedactor([value], { shapes: true }).push(bytes)).toBe(bytes);
});

/** Pieces of text, between which there may be colours. */
const sequences = fc.constantFrom(
  "\x1b[m",
  "\x1b[0m",
  "\x1b[K",
  "\x1b[01;31m\x1b[K",
  "\x1b[38;5;154m",
  "\x1b[48:2::1:2:3m",
  "\x1b(B\x1b[m",
  "\x1b(0\x1b(B",
  "\x1b[>4;1m",
);
const secrets = fc.array(
  fc
    .array(fc.constantFrom("a", "a", "b", "-", " "), { minLength: 6, maxLength: 12 })
    .map((all) => all.join("")),
  { minLength: 1, maxLength: 3 },
);
const anyCase = secrets.chain((all) =>
  fc.record({
    secrets: fc.constant(all),
    pieces: fc.array(
      fc.oneof(
        sequences,
        fc.constantFrom("a", "b", "-", " ", "x", "\n"),
        fc.constantFrom(...all).chain((one) => fc.nat(one.length).map((at) => one.slice(0, at))),
        fc.constantFrom(...all).chain((one) => fc.nat(one.length).map((at) => one.slice(at))),
        fc
          .constantFrom(...all)
          .chain((one) =>
            fc
              .tuple(fc.nat(one.length), sequences)
              .map(([at, sequence]) => one.slice(0, at) + sequence + one.slice(at)),
          ),
      ),
      { maxLength: 14 },
    ),
    cuts: fc.array(fc.nat(2000), { maxLength: 8 }),
    patienceBytes: fc.constantFrom(0, 10_000),
  }),
);

test("text with colours is masked as without them, wherever colours and cuts are, and no colour is lost", () => {
  fc.assert(
    fc.property(anyCase, ({ secrets: values, pieces, cuts, patienceBytes }) => {
      const text = pieces.join("");
      const expected = redactNaively(withoutSequences(text), values);
      const redactor = createRedactor(values, { patienceBytes });
      const shown = redact(redactor, cutAt(Buffer.from(text), cuts));
      expect(withoutSequences(shown)).toBe(expected.text);
      expect(shown.match(sequence)).toEqual(text.match(sequence));
      expect([redactor.count, redactor.redactedBytes]).toEqual([expected.count, expected.bytes]);
    }),
    { numRuns: 3000 },
  );
});

test("colours without an end after the beginning of a value are not held back without limit", () => {
  const redactor = createRedactor([value]);
  let given = 0;
  let most = 0;
  let shown = redactor.push(Buffer.from("s3cret")).length;
  for (let count = 0; count < 1000; count += 1) {
    const bytes = Buffer.from("\x1b[31m".repeat(200));
    given += bytes.length;
    shown += redactor.push(bytes).length;
    most = Math.max(most, given - shown);
  }
  expect(most).toBeLessThan(100_000);
});

test.each(["\x1b[m", "\x1b(B", "\x1b[m\x1b(B"])("runs of %j do not make the search quadratic", (colour) => {
  const redactor = createRedactor([], { shapes: true });
  const flood = `a${colour.repeat(400_000)} \n`;
  expect(redactor.redactText(flood)).toBe(flood);
  const bytes = Buffer.from(`a${colour.repeat(20_000)} \n`.repeat(100));
  expect(redactor.push(bytes).length + redactor.flush().length).toBe(bytes.length);
});

const sequence = new RegExp(String.raw`\x1b(?:\[[0-?]*[mK]|[(-+].)`, "g");

function withoutSequences(text: string): string {
  return text.replace(sequence, "");
}
