import { expect, test } from "bun:test";
import { filesOf, textOf } from "../project.ts";

const number = String.raw`\d+(?:\.\d+)?a?`;
const citation = new RegExp(
  String.raw`\bprotocol\b[^;]{0,60}?\bsections? (${number}(?:(?:, | and | to )${number})*)`,
  "gi",
);

/**
 * Lists the sections of the protocol that a text cites, also where a citation continues on the next line of a
 * comment.
 */
function citedSections(text: string): string[] {
  const flat = text.replaceAll(/\s*\n\s*(?:\*|\/\/)?\s*/g, " ");
  return Array.from(flat.matchAll(citation), ([, numbers = ""]) => numbers.split(/, | and | to /)).flat();
}

test("every section of the protocol that is cited is a heading of docs/protocol.md", () => {
  const headings = new Set(
    Array.from(
      textOf("docs/protocol.md").matchAll(new RegExp(`^#{2,3} (${number})\\.? `, "gm")),
      ([, section]) => section,
    ),
  );
  const citations = filesOf("{src,plugins,test,e2e,bench,scripts,docs}/**/*.{ts,md}")
    .filter((file) => file !== "test/house/protocol.test.ts")
    .flatMap((file) => citedSections(textOf(file)).map((section) => ({ file, section })));
  expect(citations.length).toBeGreaterThan(120);
  expect(citations.filter(({ section }) => !headings.has(section))).toEqual([]);
});

test("citations are found in comments of several lines, and in lists", () => {
  expect(citedSections("/** A name (protocol\n * section 2.2). */")).toEqual(["2.2"]);
  expect(citedSections("the protocol's words (sections 3, 5 and 8.3)")).toEqual(["3", "5", "8.3"]);
  expect(citedSections("RFC 7515, section 4.1.11")).toEqual([]);
});
