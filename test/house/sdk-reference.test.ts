import { describe, expect, test } from "bun:test";
import { listSdkPages } from "../../scripts/docs/sdk/pages.ts";
import { readReference } from "../../scripts/docs/sdk/reference.ts";
import * as executor from "../../src/executor.ts";
import * as host from "../../src/host.ts";
import * as http from "../../src/http.ts";
import * as sdk from "../../src/index.ts";
import * as testing from "../../src/testing/index.ts";
import packageJson from "../../package.json" with { type: "json" };
import { filesOf, root } from "../project.ts";

const { pages } = readReference(root);
const itemsOf = (module: string) =>
  pages.filter(({ section }) => section.module === module).flatMap(({ items }) => items);

describe("the reference of the SDK", () => {
  test.each([
    ["signalman", sdk],
    ["signalman/executor", executor],
    ["signalman/host", host],
    ["signalman/http", http],
    ["signalman/testing", testing],
  ])("describes everything that %s exports", (module, entry) => {
    const described = itemsOf(module).map(({ name }) => name);
    expect(described.length).toBeGreaterThan(5);
    expect(Object.keys(entry).filter((name) => !described.includes(name))).toEqual([]);
  });

  test("describes every entry of the package", () => {
    const entries = Object.keys(packageJson.exports).filter((entry) => !entry.endsWith(".json"));
    expect([...new Set(pages.map(({ section }) => section.module.replace("signalman", ".")))]).toEqual(
      entries,
    );
  });

  test("has a docblock of every export", () => {
    const bare = pages.flatMap(({ items, section }) =>
      items.filter(({ doc }) => doc.trim() === "").map(({ name }) => `${section.module}: ${name}`),
    );
    expect(bare).toEqual([]);
  });

  test("has pages of at most 40 exports, and a heading of its own for each", () => {
    expect(pages.filter(({ items }) => items.length > 40).map(({ name }) => name)).toEqual([]);
    for (const { name, items, hidden } of pages) {
      const headings = [...items, ...hidden].map(({ heading }) => heading.toLowerCase());
      expect(
        headings.filter((heading, index) => headings.indexOf(heading) !== index),
        name,
      ).toEqual([]);
    }
    expect(new Set(pages.map(({ name }) => name)).size).toBe(pages.length);
  });

  test("has no page of a section that was renamed", () => {
    const generated = listSdkPages(root).map(({ file }) => file);
    expect(filesOf("docs/sdk/*").toSorted()).toEqual(generated.toSorted());
  });
});
