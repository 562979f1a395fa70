import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { type HookName, hookTable } from "../../src/core/contracts/hooks.ts";
import type { GeneratedFile } from "./generated-file.ts";
import { replacePart } from "./generated-part.ts";
import { collectTypes, readFields, toSentence } from "./type-text.ts";

/** The tables of hooks and services in `docs/plugins-reference.md`, generated from the docblocks of the contracts. */
export const pluginsPage: GeneratedFile = {
  file: "docs/plugins-reference.md",
  async render(current) {
    const contracts = await readContracts();
    const withHooks = replacePart(current, "hooks", renderHooks(contracts));
    return replacePart(withHooks, "services", renderServices(contracts));
  },
};

function renderHooks(source: string): string {
  const types = collectTypes(source);
  const members = readHooks(source);
  const rows = (Object.keys(hookTable) as HookName[]).map((name) => {
    const { kind, process, timeoutMs } = hookTable[name];
    const deadline = timeoutMs === undefined ? "none" : `${timeoutMs / 1000} s`;
    const { doc = "", type = "" } = members.get(name) ?? {};
    const fields = readFields(type, types).map((field) => `\`${field}\``);
    return [`\`${name}\``, kind, process, deadline, fields.join(", "), doc];
  });
  return toTable([["hook", "kind", "process", "deadline", "event", "when and purpose"], ...rows]);
}

/** Maps each name to docblock and type of the event: `/** … *\/ "name": hook<Event>(…)` in the table. */
function readHooks(source: string): ReadonlyMap<string, { readonly doc: string; readonly type: string }> {
  const declaration = /\/\*\*((?:(?!\*\/).)*)\*\/\s*"([^"]+)": hook<(.*?)>\(/gs;
  return new Map(
    [...source.matchAll(declaration)].map(([, comment = "", name = "", type = ""]) => {
      return [name, { doc: toSentence(comment), type }];
    }),
  );
}

/** Finds constants created by `defineService<Type>("id")`, with a docblock above. */
function renderServices(source: string): string {
  const constant = /\/\*\* ([^/]*?) \*\/\nexport const (\w+) = defineService<(\w+)>\(\s*"([^"]+)"/g;
  const rows = [...source.matchAll(constant)].map(([, doc = "", token = "", type = "", id = ""]) => {
    return [`\`${token}\``, `\`${id}\``, `\`${type}\``, doc];
  });
  return toTable([["token", "id", "provides", "purpose"], ...rows]);
}

function toTable(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const lines = [head, head.map(() => "---"), ...body].map((row) => `| ${row.join(" | ")} |`);
  return `${lines.join("\n")}\n`;
}

/** Reads all files of the contracts as one text. */
async function readContracts(): Promise<string> {
  const directory = path.join(import.meta.dir, "../../src/core/contracts");
  const files = (await readdir(directory)).toSorted();
  const texts = await Promise.all(files.map((file) => readFile(path.join(directory, file), "utf8")));
  return texts.join("\n");
}
