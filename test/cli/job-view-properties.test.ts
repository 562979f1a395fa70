import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { finished, output, render, started, views } from "./rendering.ts";

const piece = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 8 }),
  fc.constantFrom(
    "\r",
    "\n",
    "\r\n",
    "\b",
    "\t",
    "\x1b",
    "\x1b[31m",
    "\x1b[0m",
    "\x9b1m",
    "\x1b[2K",
    "\x1b]0;t\x07",
  ),
  fc.constantFrom(
    "\x1b[",
    "\x1b]",
    "\x1bP",
    "\x1b\\",
    "\x9c",
    "\x18",
    "\x1b(B",
    "\x1b[?1;2h",
    "31",
    "m",
    ";",
    "\x90",
    "\x07",
  ),
  fc.string({ unit: "binary", maxLength: 4 }),
);
const written = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(""));

test("output in any chunks is rendered in the same way", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...views),
      written,
      fc.array(fc.nat(200), { maxLength: 10 }),
      (view, text, cuts) => {
        const points = [0, ...cuts.filter((cut) => cut < text.length).sort((a, b) => a - b), text.length];
        const chunks = points.slice(1).map((end, index) => text.slice(points[index], end));
        // A cut inside a surrogate pair cannot come from a spool, whose events are whole characters.
        fc.pre(chunks.every((chunk) => chunk.isWellFormed()));
        expect(render(view, [started(), ...chunks, finished()])).toBe(
          render(view, [started(), text, finished()]),
        );
      },
    ),
    { numRuns: 2000 },
  );
});

test("rendered output without colours has no control characters except for line feeds and tabs", () => {
  fc.assert(
    fc.property(written, fc.string({ unit: "binary" }), (text, directive) => {
      const shown = render("file", [started(directive), text, finished(1, 100, directive)]);
      // oxlint-disable-next-line no-control-regex
      expect(shown).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f]/);
    }),
    { numRuns: 2000 },
  );
});

test("rendered output for a terminal has no escape sequences except for colours and line replacement", () => {
  fc.assert(
    fc.property(written, fc.string({ unit: "binary" }), (text, directive) => {
      const shown = render("terminal", [started(directive), text, finished(1, 100, directive)]);
      // oxlint-disable-next-line no-control-regex
      const left = shown.replaceAll(/\r\x1b\[K|\x1b\[[\d;:]*m/g, "");
      // oxlint-disable-next-line no-control-regex
      expect(left).not.toMatch(/[\0-\x07\x0b-\x1f\x7f-\x9f]/);
    }),
    { numRuns: 2000 },
  );
});

const printable = fc.string({ unit: "grapheme" }).filter((text) => !/\p{Cc}/u.test(text));

test("text without control characters is shown unchanged", () => {
  fc.assert(
    fc.property(fc.constantFrom(...views), fc.array(printable), (view, lines) => {
      const text = lines.map((line) => `${line}\n`).join("");
      expect(output(view, text)).toBe(text);
    }),
  );
});
