import { readFileSync } from "node:fs";
import path from "node:path";
import { toAnchor } from "./anchor.ts";

/** A place that shows how an export is used. */
export interface Usage {
  readonly label: string;
  /** Path relative to the root of the project, with an anchor for a part of a page. */
  readonly target: string;
}

/** Finds the places that import an export of the SDK: parts of pages first, then examples, then built-in plugins. */
export type FindUsages = (module: string, name: string) => readonly Usage[];

/** Indexes the imports of the SDK below `root`. Only the contract suites and fixtures have tests as users. */
export function indexUsages(root: string): FindUsages {
  const index = new Map<string, Usage[]>();
  const read = (file: string): string => readFileSync(path.join(root, file), "utf8");
  const add = (text: string, usage: Usage, isTest: boolean): void => {
    for (const key of listImports(text)) {
      if (isTest && !key.startsWith("signalman/testing ")) continue;
      const usages = index.get(key) ?? [];
      if (usages.every(({ label }) => label !== usage.label)) usages.push(usage);
      index.set(key, usages);
    }
  };
  for (const page of ["docs/plugins.md", "docs/plugins-recipes.md", "docs/plugins-reference.md"]) {
    for (const { heading, code } of readBlocks(read(page))) {
      add(code, { label: heading, target: `${page}#${toAnchor(heading)}` }, false);
    }
  }
  for (const folder of ["docs/examples/plugins", "plugins"]) {
    for (const name of listFiles(root, folder)) {
      const label = name.split("/", 1)[0]!.replace(/(?:\.test)?\.ts$/, "");
      const isTest = /\.test\.ts$|\/testing\//.test(name);
      add(read(`${folder}/${name}`), { label: `\`${label}\``, target: `${folder}/${name}` }, isTest);
    }
  }
  return (module, name) => index.get(`${module} ${name}`) ?? [];
}

/** The entry of a plugin comes before its other files. */
function listFiles(root: string, folder: string): string[] {
  const names = [...new Bun.Glob("**/*.ts").scanSync(path.join(root, folder))];
  const isEntry = (name: string): number => Number(name.endsWith("/index.ts"));
  return names.toSorted((a, b) => isEntry(b) - isEntry(a) || (a < b ? -1 : 1));
}

/** Lists imports of the SDK as `<module> <name>`. */
function listImports(text: string): string[] {
  const imports = text.matchAll(/^import (?:type )?\{([^}]*)\} from "(signalman(?:\/\w+)?)"/gm);
  return [...imports].flatMap(([, names = "", module = ""]) =>
    names
      .split(",")
      .map((name) =>
        name
          .trim()
          .replace(/^type /, "")
          .replace(/ as .*/, ""),
      )
      .filter((name) => name !== "")
      .map((name) => `${module} ${name}`),
  );
}

/** Lists the blocks of TypeScript of a page, each with the heading above it. */
function readBlocks(markdown: string): { heading: string; code: string }[] {
  const blocks: { heading: string; code: string }[] = [];
  let heading = "";
  for (const [, title, language, code] of markdown.matchAll(/^#+ (.*)$|^```(\w+).*\n([\s\S]*?)^```$/gm)) {
    if (title !== undefined) heading = title;
    else if (language === "ts" && code !== undefined) blocks.push({ heading, code });
  }
  return blocks;
}
