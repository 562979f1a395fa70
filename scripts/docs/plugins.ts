import { readFile } from "node:fs/promises";
import path from "node:path";
import { type HookName, hookTable } from "../../src/hooks.ts";
import type { GeneratedFile } from "../docs.ts";
import { collectTypes, readFields, readMembers } from "./type-text.ts";

/** The tables of hooks and services in `docs/plugins.md`, made from the contracts' own docblocks. */
export const pluginsPage: GeneratedFile = {
  file: "docs/plugins.md",
  async render(current) {
    const [hooks, services] = await Promise.all([readSource("hooks.ts"), readSource("services.ts")]);
    const withHooks = replacePart(current, "hooks", renderHooks(hooks));
    return replacePart(withHooks, "services", renderServices(services));
  },
};

function renderHooks(source: string): string {
  const types = collectTypes(source);
  const members = new Map(readMembers(types.get("HookEvents") ?? "").map((member) => [member.name, member]));
  const rows = (Object.keys(hookTable) as HookName[]).map((name) => {
    const { kind, process } = hookTable[name];
    const { doc = "", type = "" } = members.get(name) ?? {};
    const fields = readFields(type, types).map((field) => `\`${field}\``);
    return [`\`${name}\``, kind, process, fields.join(", "), doc];
  });
  return toTable([["hook", "kind", "process", "event", "when, and what for"], ...rows]);
}

/** A service is a constant made by `defineService<Type>("id")`; the docblock stands over it, or over its type. */
function renderServices(source: string): string {
  const constant = /(?:\/\*\* ([^/]*?) \*\/\n)?export const (\w+) = defineService<(\w+)>\(\s*"([^"]+)"/g;
  const rows = [...source.matchAll(constant)].map(([, own, token = "", type = "", id = ""]) => {
    const pattern = new RegExp(
      `/\\*\\* ([^/]*?) \\*/\\nexport interface ${type} \\{\\n\\s*(.*?);\\n\\}`,
      "s",
    );
    const [, doc = "", method = type] = pattern.exec(source) ?? [];
    return [`\`${token}\``, `\`${id}\``, `\`${method}\``, own ?? doc];
  });
  return toTable([["token", "id", "what is provided", "what for"], ...rows]);
}

function toTable(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const lines = [head, head.map(() => "---"), ...body].map((row) => `| ${row.join(" | ")} |`);
  return lines.join("\n");
}

/** What stands between the two markers of a part. */
function replacePart(text: string, part: string, content: string): string {
  const begin = `<!-- generated: ${part} -->`;
  const end = `<!-- end: ${part} -->`;
  const [before, rest] = splitOnce(text, begin);
  const [, after] = splitOnce(rest, end);
  return `${before}${begin}\n${content}\n${end}${after}`;
}

function splitOnce(text: string, marker: string): [string, string] {
  const at = text.indexOf(marker);
  if (at === -1) throw new Error(`docs/plugins.md lacks the line "${marker}"`);
  return [text.slice(0, at), text.slice(at + marker.length)];
}

function readSource(name: string): Promise<string> {
  return readFile(path.join(import.meta.dir, "../../src", name), "utf8");
}
