import { expect, test } from "bun:test";
import { realpath } from "node:fs/promises";
import path from "node:path";
import { tmpdir } from "../../src/testing/index.ts";
import { groupModules, joinChunks, readGraph } from "./chunks.ts";

const modules = {
  "main.ts": `
    #!/usr/bin/env bun
    import { version } from "./version.ts";
    const { order } = await import("./order.ts");
    if (process.argv[2] === "version") console.log(version);
    else if (process.argv[2] === "start") await Promise.all([import("./a.ts"), import("./b.ts")]);
    else await Promise.all([import("./base-only.ts"), import("./tool-only.ts")]);
    console.log(order.join(" "));
  `,
  "version.ts": `export const version = "1";`,
  "order.ts": `export const order: string[] = [];`,
  "base.ts": `import { order } from "./order.ts"; order.push("base"); export class Base {}`,
  "tool.ts": `import { Base } from "./base.ts"; import { order } from "./order.ts";
    export class Tool extends Base {} order.push("tool");`,
  "a.ts": `import { Base } from "./base.ts"; import { Tool } from "./tool.ts"; import "./version.ts";
    import { order } from "./order.ts"; order.push("a"); export const all = [Base, Tool];`,
  "b.ts": `import { Tool } from "./tool.ts"; import { order } from "./order.ts";
    export class B extends Tool {} order.push("b");`,
  "base-only.ts": `import { Base } from "./base.ts"; import { order } from "./order.ts";
    export class BaseOnly extends Base {} order.push("base-only");`,
  "tool-only.ts": `import { Tool } from "./tool.ts"; import { order } from "./order.ts";
    export class ToolOnly extends Tool {} order.push("tool-only");`,
};

async function bundle(root: string, roots: Readonly<Record<string, readonly string[]>>) {
  const entry = path.join(root, "main.ts");
  const build = (plugins: Bun.BunPlugin[]) =>
    Bun.build({
      entrypoints: [entry],
      plugins,
      target: "bun",
      format: "esm",
      splitting: true,
      metafile: true,
      outdir: path.join(root, "out"),
    });
  const graph = readGraph((await build([])).metafile!, root);
  const groups = groupModules(graph, roots, "main.ts");
  const { metafile } = await build([joinChunks(groups, graph, root)]);
  const chunks = Object.values(metafile!.outputs).map(({ inputs }) =>
    Object.keys(inputs).map((file) => path.basename(file)),
  );
  const run = (word: string) =>
    Bun.spawnSync([process.execPath, path.join(root, "out", "main.js"), word])
      .stdout.toString()
      .trim();
  return { groups, run, chunks };
}

async function withModules(work: (root: string) => Promise<void>): Promise<void> {
  await using directory = await tmpdir();
  const root = await realpath(directory.path);
  for (const [name, text] of Object.entries(modules)) await Bun.write(path.join(root, name), text.trim());
  await work(root);
}

test("modules that a start loads together are one chunk, and are evaluated after what they import", () =>
  withModules(async (root) => {
    const apart = await bundle(root, {});
    const chunkOf = (chunks: readonly string[][], name: string) =>
      chunks.find((chunk) => chunk.includes(name));
    expect(chunkOf(apart.chunks, "base.ts")).not.toContain("tool.ts");
    expect(apart.run("start").split(" ").toSorted()).toEqual(["a", "b", "base", "tool"]);
    const joined = await bundle(root, { start: ["{a,b}.ts"] });
    expect(joined.groups).toEqual([["a.ts", "b.ts", "base.ts", "order.ts", "tool.ts"]]);
    expect(chunkOf(joined.chunks, "base.ts")).toContain("tool.ts");
    expect(joined.run("start")).toStartWith("base tool ");
    expect(joined.run("other").split(" ")).toEqual(expect.arrayContaining(["base-only", "tool-only"]));
    expect(joined.run("version")).toBe("1");
  }));

test("modules of several starts are a group of their own", () =>
  withModules(async (root) => {
    const { groups } = await bundle(root, { first: ["a.ts"], second: ["{b,tool-only}.ts"] });
    expect(groups).toEqual([
      ["b.ts", "tool-only.ts"],
      ["base.ts", "order.ts", "tool.ts"],
    ]);
  }));

test("a pattern that names no module is an error", () =>
  withModules(async (root) => {
    const built = bundle(root, { start: ["c.ts"] });
    await expect(built).rejects.toThrow('no module of the program matches "c.ts"');
  }));
