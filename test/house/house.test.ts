import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { builtIns } from "../../plugins/index.ts";
import * as sdk from "../../src/index.ts";
import * as http from "../../src/http.ts";
import * as executor from "../../src/executor.ts";
import * as host from "../../src/host.ts";
import { filesOf, root, textOf } from "../project.ts";

const sources = filesOf("{src,plugins,scripts,bin}/**/*.{ts,mjs,cjs}");
const pages = filesOf("**/*.md");
const plugins = readdirSync(path.join(root, "plugins"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

describe("the top level", () => {
  test("has only the settled entries", () => {
    const { stdout } = Bun.spawnSync(["git", "-C", root, "ls-files"]);
    const tracked = new Set(
      stdout
        .toString()
        .trim()
        .split("\n")
        .map((file) => file.split("/", 1)[0]),
    );
    expect([...tracked].filter((entry) => !topLevel.has(entry!))).toEqual([]);
  });
});

const topLevel = new Set(
  [
    ".ci .dockerignore .gitignore .semaphore .oxfmtrc.json .oxlintrc.json AGENTS.md CHANGELOG.md CONTRIBUTING.md Dockerfile",
    "LICENSE README.md bench bin bun.lock bunfig.toml config.example.yaml docs e2e package.json plugins scripts src",
    "test tsconfig.json",
  ].flatMap((line) => line.split(" ")),
);

describe("sizes", () => {
  test("no source file has more than 250 lines", () => {
    expect(sources.filter((file) => linesOf(file) > 250)).toEqual([]);
  });

  test("half of the source files have fewer than 100 lines", () => {
    const sizes = sources.map(linesOf).sort((a, b) => a - b);
    expect(sizes[Math.floor(sizes.length / 2)]).toBeLessThan(100);
  });

  // Without comments: the docblocks of the contract are the reference that its users read.
  test.each([
    ["host, configuration and logger", "{host,config,logger}", 2500],
    ["the contract", "contracts", 1300],
  ])("%s of the core: bounded lines of code", (_, folders, most) => {
    const lines = filesOf(`src/core/${folders}/**/*.ts`).reduce((sum, file) => sum + codeLinesOf(file), 0);
    expect(lines).toBeWithin(500, most + 1);
  });

  test("nothing but floors and entry points is directly in src", () => {
    expect(readdirSync(path.join(root, "src")).toSorted()).toEqual([
      "agent",
      "cli",
      "core",
      "executor.ts",
      "host.ts",
      "http.ts",
      "index.ts",
      "job",
      "kit",
      "main.ts",
      "os",
      "testing",
    ]);
  });

  test("AGENTS.md has 60 lines at most", () => {
    expect(linesOf("AGENTS.md")).toBeLessThanOrEqual(60);
  });
});

describe("plugins", () => {
  test("plugins/index.ts lists every folder, and nothing else", () => {
    expect(Object.keys(builtIns).sort()).toEqual(plugins.toSorted());
  });

  test.each(plugins)(
    "%s has its index.ts, its page, a test, and a config.ts when it has options",
    async (name) => {
      const files = readdirSync(path.join(root, "plugins", name));
      expect(files).toEqual(expect.arrayContaining(["index.ts", "README.md"]));
      expect(files.filter((file) => file.endsWith(".test.ts"))).not.toEqual([]);
      const { default: plugin } = await builtIns[name as keyof typeof builtIns]();
      expect(plugin.name).toBe(name);
      if (plugin.config !== undefined) expect(files).toContain("config.ts");
    },
  );
});

describe("the SDK", () => {
  const users = filesOf(
    "plugins/**/*.ts",
    "docs/examples/plugins/**/*.ts",
    "src/cli/plugin-template/*.txt",
    "docs/plugins{,-reference}.md",
  )
    .map(textOf)
    .join("\n");

  test.each([
    ["signalman", sdk],
    ["signalman/http", http],
    ["signalman/executor", executor],
    ["signalman/host", host],
  ])("a plugin, an example or the page uses every value that %s exports", (_, entry) => {
    const names = Object.keys(entry);
    expect(names).not.toEqual([]);
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(users))).toEqual([]);
  });
});

describe("pages", () => {
  test("every relative link leads to a file", () => {
    const broken = pages.flatMap((page) =>
      linksOf(textOf(page))
        .filter((link) => !existsSync(path.join(root, path.dirname(page), link)))
        .map((link) => `${page}: ${link}`),
    );
    expect(broken).toEqual([]);
  });

  test("no line of prose has more than 120 columns", () => {
    const prose = filesOf("docs/*.md", "{README,CONTRIBUTING,CHANGELOG}.md").flatMap((page) =>
      proseOf(textOf(page)).map((line) => `${page}: ${line}`),
    );
    expect(prose.length).toBeGreaterThan(1000);
    expect(prose.filter((line) => line.length - line.indexOf(": ") - 2 > 120)).toEqual([]);
  });

  test("every link to a part of a page leads to a heading", () => {
    const broken = pages.flatMap((page) =>
      anchorsOf(textOf(page))
        .map(([file, anchor]) => [file === "" ? page : path.join(path.dirname(page), file), anchor] as const)
        .filter(([target, anchor]) => target.endsWith(".md") && !headingsOf(textOf(target)).includes(anchor))
        .map(([target, anchor]) => `${page}: ${target}#${anchor}`),
    );
    expect(broken).toEqual([]);
    expect(headingsOf("## 6.2 The `shell`, in short\n```sh\n# a comment\n```\n")).toEqual([
      "62-the-shell-in-short",
    ]);
  });

  test("every script named on a page is in package.json", () => {
    const unknown = pages.flatMap((page) =>
      Array.from(
        textOf(page).matchAll(/\b(?:npm|bun) run ([a-z][\w:-]*)(?![\w./])/g),
        ([, script]) => script!,
      )
        .filter((script) => !(script in packageJson.scripts))
        .map((script) => `${page}: ${script}`),
    );
    expect(unknown).toEqual([]);
  });

  test("every example is named in a test", () => {
    const tests = filesOf("{test,e2e,plugins}/**/*.test.ts").map(textOf).join("\n");
    const examples = filesOf("docs/examples/*.{yaml,json}").map((file) => path.basename(file));
    expect(examples).not.toEqual([]);
    expect(examples.filter((name) => !tests.includes(name))).toEqual([]);
  });

  test("the licence is the one that package.json names", () => {
    expect(packageJson.license).toBe("Apache-2.0");
    expect(textOf("LICENSE")).toContain(
      "Apache License\n                           Version 2.0, January 2004",
    );
  });
});

describe("remnants", () => {
  // The patterns are split so that this file does not match them.
  test.each([
    ["paths of somebody's machine", new RegExp(["/wor", "k/|/roo", "t/|/Use", "rs/"].join(""))],
    ["hosts of package registries", new RegExp(["registry\\.npm", "js|registry\\.yar", "npkg"].join(""))],
    ["work that was put off", new RegExp(["\\bTO", "DO\\b|\\bFIX", "ME\\b|\\bas an", "y\\b"].join(""))],
    [
      "tests that do not run",
      new RegExp(["\\b(test|it|describe)\\.(sk", "ip|to", "do|on", "ly)\\("].join("")),
    ],
  ])("no file has %s", (_, pattern) => {
    const files = filesOf("**/*.{ts,mjs,cjs,md,json,yaml,toml,lock}", ".ci/*", "Dockerfile", ".*");
    expect(files.length).toBeGreaterThan(50);
    expect(files.filter((file) => pattern.test(textOf(file)))).toEqual([]);
  });
});

test("the version of Bun is the same in all files", () => {
  const version = packageJson.packageManager.replace("bun@", "");
  expect(packageJson.optionalDependencies.bun).toBe(version);
  expect(packageJson.devDependencies["@types/bun"]).toBe(version);
  expect(textOf("Dockerfile")).toContain(`bun:${version}`);
});

function linesOf(file: string): number {
  return textOf(file).trimEnd().split("\n").length;
}

function codeLinesOf(file: string): number {
  const lines = textOf(file).split("\n");
  return lines.filter((line) => !/^\s*($|\/\/|\/?\*)/.test(line)).length;
}

/** Lists the links of a page to headings: file (empty for the page itself) and anchor. */
function anchorsOf(text: string): [string, string][] {
  const prose = text.replaceAll(/```[\s\S]*?```|`[^`\n]*`/g, "");
  return Array.from(prose.matchAll(/\]\((?![a-z]+:)([^)\s#]*)#([^)\s]+)\)/g), ([, file, anchor]) => [
    file!,
    anchor!,
  ]);
}

/** Lists the anchors of a page's headings, as GitHub forms them. */
function headingsOf(text: string): string[] {
  return Array.from(text.replaceAll(/```[\s\S]*?```/g, "").matchAll(/^#+ (.*)$/gm), ([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_\- ]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/**
 * Lists the lines of a page that can be wrapped: no code, no tables, and no text in backticks of more than 80
 * columns.
 */
function proseOf(text: string): string[] {
  return text
    .replaceAll(/^( *```+)[^]*?^\1$|<!-- walk[^]*?<!-- end/gm, "")
    .replaceAll(/`[^`\n]{80,}`/g, "``")
    .split("\n")
    .filter((line) => !/^ *\||^$/.test(line));
}

/** Lists the files that a page links to, without anchors and without links in code. */
function linksOf(text: string): string[] {
  const prose = text.replaceAll(/```[\s\S]*?```|`[^`\n]*`/g, "");
  const targets = Array.from(prose.matchAll(/\]\(([^)\s]+)\)/g), (match) => match[1]!.split("#")[0]!);
  return targets.filter((target) => target !== "" && !/^[a-z]+:/.test(target));
}
