import { describe, expect, test } from "bun:test";
import path from "node:path";
import { builtIns } from "../../plugins/index.ts";
import { declareBuiltIns } from "../../scripts/docs/options.ts";
import { readPageMap } from "../../src/cli/help/page-map.ts";
import { collectCommands, loadCommand } from "../../src/cli/program/find-command.ts";
import { parseArguments } from "../../src/core/config/arguments.ts";
import { splitWords } from "../../src/core/config/values.ts";
import type { PluginOrigin } from "../../src/core/contracts/host.ts";
import { createAgentMetrics } from "../../src/kit/metrics/agent-metrics.ts";
import { filesOf, root, textOf } from "../project.ts";

const pages = filesOf("**/*.md").filter((file) => !file.startsWith("src/"));
/** Pages that have another place: what GitHub and tools for developers show first, and lists of their own. */
const unlisted = /^(README|AGENTS|docs\/README)\.md$|^docs\/sdk\/(?!README)/;
/** Commands of `docs/examples/plugins`. */
const exampleCommands = new Set(["lock", "job-cache"]);
const groups = readPageMap(textOf("docs/README.md"));

/** The pages in `docs` that it lists. */
const ownPages = groups
  .flatMap((group) => group.pages)
  .filter(({ file }) => /^[\w-]+(\/README)?\.md$/.test(file))
  .map(({ file }) => path.join("docs", file));
/** Pages about the inside of the program or of plugins. */
const forDevelopers =
  /^docs\/(architecture|design-notes|plugins.*|protocol|reliability|security|sdk\/README)\.md$/;

describe("docs/README.md", () => {
  test("lists every page exactly once", () => {
    const listed = groups.flatMap((group) => group.pages.map(({ file }) => path.join("docs", file)));
    expect(listed.toSorted()).toEqual(pages.filter((page) => !unlisted.test(page)));
  });

  test("says of every page of docs what it answers, in one line", () => {
    const own = groups
      .flatMap((group) => group.pages)
      .filter(({ file }) => /^[\w-]+(\/README)?\.md$/.test(file));
    expect(own.length).toBeGreaterThan(20);
    expect(own.filter(({ about }) => about === "" || about.length > 90)).toEqual([]);
  });

  test("lists pages of docs that begin with the question that they answer", () => {
    const opening = (page: string) => /^# [^\n]+\n\n([^]*?)\n\n/m.exec(textOf(page))?.[1] ?? "";
    const isQuestion = (text: string) => text.includes("?") && countWords(text) <= 70;
    expect(ownPages.filter((page) => !isQuestion(opening(page)))).toEqual([]);
  });

  test("lists pages for operators without a paragraph of more than a hundred words", () => {
    const operators = ownPages.filter((page) => !forDevelopers.test(page));
    expect(operators.length).toBeGreaterThan(15);
    const isLong = (page: string) => toParagraphs(textOf(page)).some((text) => countWords(text) > 100);
    expect(operators.filter(isLong)).toEqual([]);
  });

  test("is read by group, with and without descriptions", () => {
    const text =
      "# Map\n\nIntro [x](x.md).\n\n## One\n\n- [A](a.md): first\n  and more\n- [B](../b/README.md)\n\n## Two\n";
    expect(readPageMap(text)).toEqual([
      {
        title: "One",
        pages: [
          { title: "A", file: "a.md", about: "first and more" },
          { title: "B", file: "../b/README.md", about: "" },
        ],
      },
      { title: "Two", pages: [] },
    ]);
  });
});

describe("a page", () => {
  test("begins with a title and a paragraph", () => {
    const isRight = (page: string) => /^(<!--[^]*?-->\s*)?# [^\n]+\n\n[A-Z`“"*[]/.test(textOf(page));
    expect(pages.filter((page) => !isRight(page))).toEqual([]);
  });

  test("has one title", () => {
    const titles = (page: string) =>
      textOf(page)
        .replaceAll(/^ *```[^]*?^ *```$/gm, "")
        .match(/^# /gm)?.length;
    expect(pages.filter((page) => titles(page) !== 1)).toEqual([]);
  });

  // The measurements of bad plugins are a record of single cases.
  test("has no table of more than forty rows", () => {
    const isLong = (page: string) => /(?:^\|.*\n){43}/m.test(textOf(page));
    expect(pages.filter(isLong)).toEqual(["e2e/plugins/bad-plugins.md"]);
  });

  test("shows every picture of docs/images, each smaller than 150 kB", () => {
    const pictures = filesOf("docs/images/*");
    const shown = pages.flatMap((page) =>
      Array.from(textOf(page).matchAll(/!\[[^\]]+\]\(([^)]+)\)/g), ([, file]) =>
        path.join(path.dirname(page), file!),
      ),
    );
    expect([...new Set(shown)].toSorted()).toEqual(pictures.toSorted());
    expect(pictures.filter((file) => Bun.file(path.join(root, file)).size > 150_000)).toEqual([]);
  });

  test("names metrics that exist", () => {
    const known = new Set(createAgentMetrics().flatMap(({ prometheus }) => prometheus?.name ?? []));
    const named = pages
      .filter((page) => !page.startsWith("docs/sdk/") && page !== "CHANGELOG.md")
      .flatMap((page) =>
        Array.from(textOf(page).matchAll(/\bsignalman_(?!plugin_|release)[a-z_]+[a-z]\b/g), ([name]) => name),
      );
    expect(named).toContain("signalman_slots");
    expect(named.filter((name) => !known.has(name.replace(/_(bucket|sum|count)$/, "")))).toEqual([]);
  });
});

describe("a call of signalman on a page", async () => {
  const origin: PluginOrigin = { kind: "built-in" };
  const plugins = await Promise.all(
    Object.values(builtIns).map(async (load) => ({ plugin: (await load()).default, origin })),
  );
  const commands = collectCommands(plugins as Parameters<typeof collectCommands>[0]);
  const options = (await declareBuiltIns()).flatMap((declaration) => declaration.options);
  // Another test runs the pages about plugins, whose commands are those of their examples.
  const calls = pages
    .filter((page) => !/^(CHANGELOG|docs\/(protocol|plugins.*))\.md$/.test(page))
    .flatMap((page) => callsOf(textOf(page)).map((call) => [page, call] as const))
    .filter(([, call]) => !exampleCommands.has(call.split(" ", 1)[0]!));

  test("is found in blocks and in text", () => {
    expect(calls.length).toBeGreaterThan(100);
    expect(
      callsOf("```sh\na | dist/signalman run x \\\n  --json   # note\n```\nCall `signalman hub`."),
    ).toEqual(["run x --json", "hub"]);
  });

  test.each(calls)("%s: %s", async (_, call) => {
    const words = splitWords(call);
    const name = [words.slice(0, 2).join(" "), words[0]!].find((each) => commands.has(each));
    expect({ call, name }).toEqual({ call, name: expect.any(String) });
    const { args = {} } = await loadCommand(name!, commands);
    const argv = words.slice(name!.split(" ").length);
    const parsed = parseArguments(argv, { command: name!, args, options, explainUnknown: async () => "" });
    // Text may name a command without the arguments that it needs.
    await parsed.catch((error: unknown) => expect(String(error)).toContain(`"${name}" needs `));
  });
});

/** Lists the paragraphs and items of lists of a page, without tables and code. */
function toParagraphs(text: string): string[] {
  return text
    .replaceAll(/^ *```[^]*?^ *```$/gm, "")
    .split(/\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )/)
    .filter((paragraph) => !paragraph.trimStart().startsWith("|"));
}

const countWords = (text: string): number => text.trim().split(/\s+/).length;

/** Lists the arguments of each call of the program: in blocks of a shell, and in code within the text. */
function callsOf(text: string): string[] {
  const blocks = Array.from(text.matchAll(/^ *```(?:sh|console)\n([^]*?)^ *```$/gm), ([, block]) =>
    block!.replaceAll(/ *\\\n\s*/g, " "),
  );
  const prose = text.replaceAll(/^ *```[^]*?^ *```$/gm, "");
  const spans = Array.from(prose.matchAll(/`([^`\n]+)`/g), ([, code]) => code!).filter((code) =>
    /^(?:\w+=\S+ )*signalman /.test(code),
  );
  return [...blocks, ...spans].flatMap((code) =>
    Array.from(
      code
        .replaceAll(/<([a-z][^<>\n]*)>/gi, (_, what: string) => what.replaceAll(" ", "-"))
        .matchAll(/(?:^|[|(&;] *|\$ |\w=\S+ )(?:dist\/|npx |bunx )?signalman ([a-z][^|#>;)&\n]*)/gm),
      ([, call]) => call!.replaceAll(/ < \S+/g, "").trim(),
    ),
  );
}
