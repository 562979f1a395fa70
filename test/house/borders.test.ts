import { describe, expect, test } from "bun:test";
import path from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { filesOf, textOf } from "../project.ts";

const entries = ["src/index.ts", "src/executor.ts", "src/host.ts", "src/http.ts"];
const sdk = new Set([
  "signalman",
  "signalman/executor",
  "signalman/host",
  "signalman/http",
  "signalman/testing",
]);
/** Files that are not in the package: tests and the test doubles of plugins. */
const tests = /\.test\.ts$|^plugins\/[^/]+\/testing\//;

describe("the borders of the house", () => {
  test("what only plugins use is in the kit", () => {
    const files = new Set(filesOf("src/**/*.ts"));
    const used = new Set<string>();
    const visit = (file: string): void => {
      if (used.has(file) || entries.includes(file)) return;
      used.add(file);
      for (const specifier of importsOf(textOf(file))) {
        const target = path.posix.join(path.posix.dirname(file), specifier);
        if (specifier.startsWith(".") && files.has(target)) visit(target);
      }
    };
    visit("src/main.ts");
    const others = [...files].filter((file) => !/^src\/(kit|testing)\//.test(file));
    expect(others.filter((file) => !used.has(file) && !entries.includes(file))).toEqual([]);
  });

  test("no file of the project crosses one", () => {
    const files = filesOf("src/**/*.ts", "plugins/**/*.ts");
    expect(files.length).toBeGreaterThan(10);
    expect(files.flatMap((file) => violations(file, textOf(file)))).toEqual([]);
  });

  test.each([
    ["src/core/host/host.ts", `import shell from "../../../plugins/shell/index.ts";`],
    ["src/core/host/host.ts", `import { createJob } from "../../job/job.ts";`],
    ["src/core/host/host.ts", `import type { Job } from "../../job/job.ts";`],
    ["src/os/lock.ts", `const load = () => import("../agent/agent.ts");`],
    ["src/core/contracts/hooks.ts", `import { toHint } from "../nearest.ts";`],
    ["src/core/contracts/hooks.ts", `import type { Registry } from "../host/registry.ts";`],
    ["src/core/errors.ts", `import type { Hook } from "../index.ts";`],
    ["src/index.ts", `import { testPlugin } from "./testing/index.ts";`],
    ["src/agent/status-socket.ts", `import { openHttpServer } from "../kit/http/server.ts";`],
    ["src/elsewhere.ts", `import { AgentError } from "./core/errors.ts";`],
    ["src/cli/run.ts", `const load = () => import("../../plugins/shell/index.ts");`],
    ["src/core/host/host.ts", `import type { Shell } from "../../../plugins/shell/shell.ts";`],
    ["src/core/host/host.ts", `let shell: import("../../../plugins/shell/shell.ts").Shell;`],
    ["src/core/host/host.ts", `export { type Shell } from "../../../plugins/shell/shell.ts";`],
    ["src/core/host/host.ts", `import { tester } from "../../../e2e/fixtures.ts";`],
    ["src/core/host/host.ts", `import "../../../test/project.ts";`],
    ["src/core/host/host.ts", `import fc from "fast-check";`],
    ["src/main.ts", `import { tester } from "../e2e/fixtures.ts";`],
    ["src/main.ts", `import { createShellExecutor } from "../plugins/shell/shell.ts";`],
    ["src/testing/index.ts", `import { builtIns } from "../../plugins/index.ts";`],
    ["plugins/docker/index.ts", `import { Shell } from "../shell/shell.ts";`],
    ["plugins/docker/index.ts", `import type { Host } from "../../src/host.ts";`],
    ["plugins/docker/index.ts", `import { createHost } from "signalman/src/host.ts";`],
    ["plugins/docker/index.ts", `import { testPlugin } from "signalman/testing";`],
    ["plugins/docker/index.ts", `import fc from "fast-check";`],
    ["plugins/docker/index.ts", `import { startDouble } from "./testing/double.ts";`],
    ["plugins/docker/index.ts", `import thing from "not-a-dependency";`],
    ["plugins/index.ts", `import { createHost } from "../src/core/host/host.ts";`],
  ])("in %s it is noticed: %s", (file, text) => {
    expect(violations(file, text)).toHaveLength(1);
  });

  test.each([
    ["src/main.ts", `import { builtIns } from "../plugins/index.ts"; import json from "../package.json";`],
    [
      "src/cli/run.ts",
      `import { createHost } from "../core/host/host.ts"; import { parseArgs } from "node:util";`,
    ],
    [
      "src/core/contracts/hooks.ts",
      `import type { Job } from "./jobs.ts"; import { AgentError } from "../errors.ts";`,
    ],
    ["src/core/host/host.ts", `import type { Plugin } from "../contracts/plugin.ts";`],
    ["src/testing/built-in.ts", `import { builtIns } from "../../plugins/index.ts";`],
    ["src/index.ts", `export { createSession } from "./kit/session/session.ts";`],
    [
      "plugins/shell/index.ts",
      `import { definePlugin } from "signalman"; import { config } from "./config.ts";`,
    ],
    ["plugins/shell/deep/x.ts", `import * as v from "valibot"; import { config } from "../config.ts";`],
    [
      "plugins/shell/shell.test.ts",
      `import { testPlugin } from "signalman/testing"; import fc from "fast-check";`,
    ],
    ["plugins/shell/shell.test.ts", `import { startDouble } from "./testing/double.ts";`],
    ["plugins/shell/testing/double.ts", `import { testPlugin } from "signalman/testing";`],
    [
      "plugins/index.ts",
      `import type { Plugin } from "signalman"; const b = () => import("./shell/index.ts");`,
    ],
  ])("in %s this is right: %s", (file, text) => {
    expect(violations(file, text)).toEqual([]);
  });
});

/**
 * The floors of `src/`, from the ground up. A file imports from its own floor and from lower ones, values and
 * types alike.
 */
const floors = [
  "src/core/contracts/",
  "src/core/",
  "src/os/",
  "src/job/",
  "src/kit/",
  "src/agent/",
  "src/cli/",
  ...entries,
  "src/testing/",
  "src/main.ts",
];

/** The files that bring the built-in plugins and the program together. */
const compositionRoots = ["src/main.ts", "src/testing/built-in.ts"];

/** The errors are the only part of the core that contracts may use. */
const errors = "src/core/errors.ts";

/** What only plugins use: of the other floors, only the entries of the SDK may know it. */
const kit = "src/kit/";
const kitUsers = /^src\/(kit\/|testing\/|[a-z]+\.ts$)/;

function isFloorBelow(file: string, target: string): boolean {
  const [from, to] = [floorOf(file), floorOf(target)];
  if (from === 0) return to === 0 || target === errors;
  if (target.startsWith(kit) && !kitUsers.test(file)) return false;
  return from >= 0 && to >= 0 && to <= from;
}

/** Index of the floor with the longest matching name; -1 for a file that is on none. */
function floorOf(file: string): number {
  const fitting = floors.filter((floor) => file.startsWith(floor));
  const [nearest = ""] = fitting.toSorted((a, b) => b.length - a.length);
  return floors.indexOf(nearest);
}

/** Lists the forbidden imports of a file. Paths are relative to the project's root. */
function violations(file: string, text: string): string[] {
  return importsOf(text)
    .filter((specifier) => !isAllowed(file, specifier))
    .map((specifier) => `${file} imports ${specifier}`);
}

function isAllowed(file: string, specifier: string): boolean {
  const [area, plugin] = file.split("/");
  const isRelative = specifier.startsWith(".");
  const target = isRelative ? path.posix.join(path.posix.dirname(file), specifier) : specifier;
  if (compositionRoots.includes(file) && ["plugins/index.ts", "package.json"].includes(target)) return true;
  if (file === "src/core/version.ts") return target === "package.json";
  if (area === "src" && isRelative) return isFloorBelow(file, target);
  if (file === "plugins/index.ts")
    return target === "signalman" || /^plugins\/[^/]+\/index\.ts$/.test(target);
  const isTest = tests.test(file);
  if (isRelative) return target.startsWith(`plugins/${plugin}/`) && (isTest || !tests.test(target));
  // In the core this occurs only in texts for plugin authors.
  if (sdk.has(specifier)) return specifier !== "signalman/testing" || isTest || area === "src";
  return /^(node:|bun:|bun$)/.test(specifier) || isDependency(specifier, isTest);
}

function isDependency(specifier: string, isTest: boolean): boolean {
  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  return name in packageJson.dependencies || (isTest && name in packageJson.devDependencies);
}

/** Lists all specifiers. The transpiler drops type-only imports, so the text is searched as well. */
function importsOf(text: string): string[] {
  const scanned = new Bun.Transpiler({ loader: "ts" })
    .scanImports(text.replace(/^#!.*/, ""))
    .map((found) => found.path);
  const written = text.matchAll(/\b(?:from\s*|import\s*\(\s*|import\s+)["']([\w@./:-]+)["']/g);
  return [...new Set([...scanned, ...Array.from(written, (match) => match[1]!)])];
}
