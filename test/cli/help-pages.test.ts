import { describe, expect, test } from "bun:test";
import { resolve } from "node:path";
import { declareBuiltIns } from "../../scripts/docs/options.ts";
import { renderErrors } from "../../src/cli/help/errors-page.ts";
import { renderHooks } from "../../src/cli/help/hooks-page.ts";
import { createLayout, formatEntries } from "../../src/cli/help/layout.ts";
import { renderMarkdown } from "../../src/cli/help/markdown.ts";
import { renderOptions } from "../../src/cli/help/options-page.ts";
import { readPages } from "../../src/cli/help/pages.ts";
import { renderTopic, renderTopics } from "../../src/cli/help/topics.ts";
import { createPaint } from "../../src/cli/output/colour.ts";
import { errorCodes } from "../../src/core/error-codes.ts";
import { type HookName, hookTable } from "../../src/core/contracts/hooks.ts";

const pages = await readPages(resolve(import.meta.dir, "../../docs"));
const declared = await declareBuiltIns();
const wide = { columns: 100, paint: createPaint(false) };
const narrow = { columns: 60, paint: createPaint(false) };
const coloured = { columns: 100, paint: createPaint(true) };

describe("the options page", () => {
  test("describes every option with flag, variable, key, default, range and example", () => {
    const text = renderOptions(declared, undefined, { ...wide, columns: 400 }).join("\n");
    for (const { flag, key } of declared.flatMap(({ options }) => options))
      expect(text).toContain(`\n  ${flag === undefined ? key : `--${flag}`}`);
    expect(renderOptions(declared, "shell-user", wide).join("\n").replaceAll(/\s+/g, " ")).toContain(
      "SEMAPHORE_AGENT_SHELL_USER; key: shell-user; default: the agent's user; example: ci-{slot}",
    );
    expect(renderOptions(declared, "number of jobs", wide).join("\n")).toContain("range: 1 to 100");
    expect(text).toContain("range: more than 0, at most 1000000");
    expect(text).toContain("example: shell=bubblewrap");
  });

  test.each([
    ["MEMORY", ["--job-memory"]],
    ["SEMAPHORE_AGENT_STATSD_P", ["--statsd-port"]],
    ["plugins.log-push.max", ["plugins.log-push.max-bytes", "plugins.log-push.max-events"]],
    ["certificates (PEM)", ["--ca-file"]],
  ])("finds %p in names, variables, keys and descriptions, in any case", (word, expected) => {
    const lines = renderOptions(declared, word, wide);
    expect(lines.flatMap((line) => /^ {2}(\S+)/.exec(line)?.[1] ?? []).toSorted()).toEqual(expected);
  });
});

describe("the hooks page", () => {
  const reference = pages.get("plugins-reference")!;

  test("has every hook with kind, process and deadline", () => {
    const text = renderHooks(reference, undefined, wide).join(" ").replaceAll(/\s+/g, " ");
    for (const [name, { kind, process, timeoutMs }] of Object.entries(hookTable)) {
      const deadline = timeoutMs === undefined ? "no deadline" : `${timeoutMs / 1000} s`;
      expect(text).toMatch(new RegExp(` ${name} Fired [^()]* \\(${kind}, ${process}, ${deadline}\\)`));
    }
  });

  test.each(Object.keys(hookTable) as HookName[])("describes %s", (name) => {
    const lines = renderHooks(reference, name, narrow);
    expect(lines[0]).toBe(name);
    expect(lines.filter((line) => line.length > 60)).toEqual([]);
    expect(lines.join("\n")).toContain(`${hookTable[name].kind}: an error of a listener`);
  });
});

describe("the errors page", () => {
  const plugin = { name: "gate", errors: { GATE_SHUT: { cause: "It is shut.", remedy: "Open it." } } };
  const plugins = [{ plugin, origin: { kind: "built-in" } as const }];

  test("has every code of the program and of the plugins", () => {
    const text = renderErrors(plugins, undefined, wide).join("\n");
    for (const code of [...Object.keys(errorCodes), "GATE_SHUT"]) expect(text).toContain(`\n  ${code} `);
  });

  test("prefers the program's explanation of its own codes", () => {
    const errors = { SESSION_FAILED: { cause: "Nothing.", remedy: "Nothing." } };
    const session = [{ plugin: { name: "session", errors }, origin: { kind: "built-in" } as const }];
    expect(renderErrors(session, "SESSION_FAILED", wide)).not.toContain("Cause: Nothing.");
  });

  test("shows cause and remedy of a code in any case", () => {
    expect(renderErrors(plugins, "gate_shut", wide)).toEqual([
      "GATE_SHUT",
      "",
      "Cause: It is shut.",
      "",
      "To do: Open it.",
    ]);
  });

  test("has sentences for every code", () => {
    for (const { cause, remedy } of Object.values(errorCodes)) {
      for (const text of [cause, remedy]) expect(text).toMatch(/^[A-Z`].*\.$/);
    }
  });
});

describe("a topic", () => {
  test("is listed with its question, in the order and groups of docs/README.md", () => {
    const lines = renderTopics(pages, wide);
    const main = [...pages.keys()].filter((name) => !name.startsWith("sdk/") && name !== "README");
    const listed = lines.flatMap((line) => /^ {2}(\S+) +\S/.exec(line)?.[1] ?? []);
    expect(listed.toSorted()).toEqual(main.toSorted());
    for (const name of main)
      expect(pages.get("README")).toContain(`](${name === "sdk" ? "sdk/README" : name}.md): `);
    expect(lines).toEqual(expect.arrayContaining(["Start:", "Troubleshoot:", "How it works:"]));
    expect(listed.indexOf("start")).toBeLessThan(listed.indexOf("architecture"));
    for (const name of pages.keys()) if (name !== "README") expect(lines.join("\n")).toContain(name);
  });

  test.each([...pages])("%s has all its words, code lines and no markup", (name, source) => {
    for (const columns of [100, 60]) {
      const lines = renderTopic(pages, name, { columns, paint: createPaint(false) });
      const text = lines.join("\n");
      expect(text).not.toMatch(/<!--|\]\([a-z-]+\.md|^```/m);
      expect(text).toBe(Bun.stripANSI(text));
      const blocks = [...source.matchAll(/^```.*?\n(.*?)^```$/gms)].flatMap(([, code]) => code!.split("\n"));
      for (const line of blocks.filter((each) => each !== "")) expect(lines).toContain(`    ${line}`);
      const prose = source
        .replaceAll(/^```.*?^```$/gms, "")
        .replaceAll(/<!--.*?-->/gs, "")
        .replaceAll(/\]\([^)]*\)/g, "] ")
        // A table that became a list has no head of its first column.
        .replaceAll(/^\|[^|]*\|(?=.*\n\|[- |:]+\n)/gm, "");
      const found = new Set(text.match(/[A-Za-z]{4,}/g));
      const missing = (prose.match(/[A-Za-z]{4,}/g) ?? []).filter((word) => !found.has(word));
      expect(missing).toEqual([]);
    }
  });

  test("that is no page leads to the sections about the word, those with the word in the heading first", () => {
    const found = renderTopic(pages, "signals", wide).slice(2);
    expect(found[0]).toBe("  operations          Signals");
    expect(found.length).toBeGreaterThan(3);
    expect(found.length).toBeLessThanOrEqual(12);
    expect(renderTopic(pages, "KillMode", wide).join("\n")).toContain(
      "  troubleshooting     Restarting the service",
    );
    expect(() => renderTopic(pages, "no-such-word", wide)).toThrow('unknown topic "no-such-word"');
  });

  test("is coloured on request", () => {
    const [title = ""] = renderTopic(pages, "security", coloured);
    expect(title).toStartWith("\u001b[1m");
    expect(Bun.stripANSI(title)).toBe("Security");
  });
});

describe("Markdown", () => {
  test("shows a table as such where its words fit, and as a list where they do not", () => {
    const table =
      "| option | what it does |\n| --- | --- |\n| `a-very-long-name-of-an-option` | it works |\n";
    expect(renderMarkdown(table, wide).join("\n")).toContain("| a-very-long-name-of-an-option | it works");
    expect(renderMarkdown(table, { ...wide, columns: 40 })).toEqual([
      "  * a-very-long-name-of-an-option",
      "      * what it does: it works",
    ]);
  });

  test("shows a link as its text, and keeps the address of another site", () => {
    const text = "See [the `page`](page.md#part) and [Bun](https://bun.sh/docs).\n";
    expect(renderMarkdown(text, wide)).toEqual(["See the page and Bun (https://bun.sh/docs)."]);
  });

  test("indents code and never wraps it", () => {
    const line = `echo ${"word ".repeat(40)}[text](link.md) <!-- kept -->`;
    expect(renderMarkdown(`Call:\n\n\`\`\`sh\n${line}\n\n  more\n\`\`\`\n\nEnd.\n`, narrow)).toEqual([
      "Call:",
      "",
      `    ${line}`,
      "",
      "      more",
      "",
      "End.",
    ]);
  });
});

describe("the layout", () => {
  test.each([
    [{ isTTY: false, columns: 20 }, 100],
    [{ isTTY: true, columns: 200 }, 100],
    [{ isTTY: true, columns: 60 }, 60],
    [{ isTTY: true, columns: 5 }, 40],
    [{ isTTY: true, columns: 0 }, 100],
  ])("of %p has %p columns", (stream, columns) => {
    expect(createLayout(stream).columns).toBe(columns);
  });

  test("puts descriptions below names in a narrow terminal, and breaks long names", () => {
    const entries = [{ left: "--level <first|second|third|fourth|fifth>", right: ["The level of lines"] }];
    expect(formatEntries(entries, { columns: 40, paint: createPaint(false) })).toEqual([
      "  --level <first|second|third|fourth|",
      "    fifth>",
      "      The level of lines",
    ]);
  });
});
