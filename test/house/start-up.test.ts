import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import path from "node:path";
import { filesOf, root, textOf } from "../project.ts";

// Every agent and every job's process loads the plugins, so what they import at once costs each start.

const transpiler = new Bun.Transpiler({ loader: "ts" });

/** Lists what the file needs when it is loaded: no types, and nothing that it imports later. */
function findImports(file: string): string[] {
  return transpiler
    .scanImports(textOf(file))
    .filter(({ kind }) => kind === "import-statement")
    .map((found) => found.path);
}

test("plugins load the HTTP server and what concerns the host only when they need it", () => {
  const seen = new Set<string>();
  const visit = (file: string): string[] => {
    if (seen.has(file)) return [];
    seen.add(file);
    return findImports(file).flatMap((specifier) => {
      if (specifier === "signalman/http" || specifier === "signalman/host")
        return [`${file} imports ${specifier}`];
      const target = path.posix.join(path.posix.dirname(file), specifier);
      const isCode = specifier.endsWith(".ts") && existsSync(path.join(root, target));
      return isCode ? visit(target) : [];
    });
  };
  expect(filesOf("plugins/*/index.ts").flatMap(visit)).toEqual([]);
  expect(seen.size).toBeGreaterThan(50);
});
