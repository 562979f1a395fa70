import { describe, expect, test } from "bun:test";
import { builtIns } from "../../plugins/index.ts";
import { declareBuiltIns } from "../../scripts/docs/options.ts";
import { renderHelp } from "../../src/cli/help/render.ts";
import { helpWords } from "../../src/cli/help/words.ts";
import { collectCommands, loadCommand } from "../../src/cli/program/find-command.ts";
import { parseArguments } from "../../src/core/config/arguments.ts";
import { splitWords } from "../../src/core/config/values.ts";
import type { Program } from "../../src/core/contracts/command.ts";
import type { PluginOrigin } from "../../src/core/contracts/host.ts";

const origin: PluginOrigin = { kind: "built-in" };
const plugins = await Promise.all(
  Object.values(builtIns).map(async (load) => ({ plugin: (await load()).default, origin })),
);
const commands = collectCommands(plugins as Parameters<typeof collectCommands>[0]);
const declared = await declareBuiltIns();
const program = { version: "1.2.3-45-gabcdef0", commands, plugins, declared } as unknown as Program;
const names = [...commands.keys()];
const options = declared.flatMap((declaration) => declaration.options);
const layoutOf = (columns: number) => ({ columns, paint: (_: string, words: string) => words });

describe.each(names)("the command %s", (name) => {
  test("declares its purpose, a group and examples", async () => {
    const { meta, group, examples = [] } = await loadCommand(name, commands);
    expect(meta.name).toBe(name);
    expect(meta.description).toMatch(/^[a-z].{5,}[^.]$/);
    if (name !== "help") expect(group).toBeDefined();
    expect(examples.map(({ purpose }) => purpose)).not.toEqual([]);
  });

  test("accepts its examples", async () => {
    const { args = {}, examples = [] } = await loadCommand(name, commands);
    for (const { line } of examples) {
      const [, call = ""] = line.split(/(?:^|\| )signalman /);
      expect(`${call} `).toStartWith(`${name} `);
      const argv = splitWords(call.slice(name.length).replace(/ [<>] .*/, ""));
      await parseArguments(argv, { command: name, args, options, explainUnknown: async () => "" });
    }
  });

  test("lists at most ten options, which exist", async () => {
    const { listedOptions = [] } = await loadCommand(name, commands);
    expect(listedOptions.length).toBeLessThanOrEqual(10);
    expect(options.map(({ key }) => key)).toEqual(expect.arrayContaining([...listedOptions]));
  });

  test("has a page of at most 80 lines of 100 columns, which fits into 60 columns as well", async () => {
    const page = await renderHelp(program, name.split(" "), layoutOf(100));
    expect(page.length).toBeLessThanOrEqual(80);
    expect(page.filter((line) => line.length > 100 || line.includes("undefined"))).toEqual([]);
    const narrow = await renderHelp(program, name.split(" "), layoutOf(60));
    // The line of a call is never wrapped, so that it can be copied.
    expect(narrow.filter((line) => line.length > 60 && !line.includes("signalman "))).toEqual([]);
  });
});

test("the page of the program has at most 40 lines of 100 columns, also with commands of other plugins", async () => {
  const own = { kind: "file", specifier: "./x.ts", path: "/x.ts" } as const;
  const load = () => Promise.reject(new Error("not needed"));
  const many = new Map(commands);
  for (let count = 0; count < 50; count += 1) many.set(`outside-${count}`, { plugin: "outside", load });
  const entry = { plugin: { name: "outside" }, origin: own };
  for (const each of [program, { ...program, commands: many, plugins: [...plugins, entry] } as Program]) {
    const page = await renderHelp(each, [], layoutOf(100));
    expect(page.length).toBeLessThanOrEqual(40);
    expect(page.filter((line) => line.length > 100)).toEqual([]);
    const text = page.join(" ").replaceAll(/\s+/g, " ");
    for (const name of names) expect(text).toContain(name.split(" ").at(-1)!);
  }
});

test("the other pages of help fit into 100 and into 60 columns", async () => {
  for (const word of helpWords) {
    for (const columns of [100, 60]) {
      const page = await renderHelp(program, [word], layoutOf(columns));
      expect(page.filter((line) => line.length > columns)).toEqual([]);
    }
  }
});
