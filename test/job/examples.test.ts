import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseJobRequest } from "../../src/job/request/parse.ts";

const docs = join(import.meta.dir, "../../docs");
const examples = ["hello.yaml", "failing.yaml", "stop.yaml", "flood.yaml", "wire.json"];

test.each(examples)("the example %s is a valid job without unknown keys", async (name) => {
  const { request, ignored } = await parseJobRequest(readFileSync(join(docs, "examples", name), "utf8"), {
    name,
  });
  expect(request.name).not.toBe("");
  expect(request.commands.length).toBeGreaterThan(0);
  expect(ignored).toEqual([]);
});

test("every example job named on the page on job files exists", () => {
  const page = readFileSync(join(docs, "job-files.md"), "utf8");
  const named = Array.from(page.matchAll(/\(examples\/([\w.-]+)\)/g), ([, name]) => name);
  expect(named.sort()).toEqual([...examples].sort());
  expect(readdirSync(join(docs, "examples"))).toEqual(expect.arrayContaining(examples));
});

test("every YAML example on the page on job files is a valid job or a part of one", async () => {
  const page = readFileSync(join(docs, "job-files.md"), "utf8");
  const blocks = Array.from(page.matchAll(/```yaml\n([\s\S]*?)```/g), ([, block = ""]) => block);
  expect(blocks.length).toBeGreaterThan(3);
  for (const block of blocks) {
    const text = block.startsWith("commands:") ? block : `commands: []\n${block}`;
    expect((await parseJobRequest(text, { name: "docs/job-files.md" })).ignored).toEqual([]);
  }
});
