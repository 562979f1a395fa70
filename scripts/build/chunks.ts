import { readFile } from "node:fs/promises";
import path from "node:path";

/**
 * Modules that are loaded one after another at a start, beside their static imports. Bun's bundler makes a chunk
 * of each set of modules that the same dynamic imports reach, of which a start would load a hundred.
 */
export const starts = {
  /** `signalman start`, up to the registration. Most of it is loaded by each other command as well. */
  agent: [
    "src/cli/dispatch.ts",
    "src/core/host/host.ts",
    "src/cli/commands/start.ts",
    "src/agent/run-agent.ts",
    "plugins/*/index.ts",
    "plugins/doctor/host-warnings.ts",
    "plugins/docker/clean-up.ts",
    "plugins/semaphore/source-run.ts",
    "node_modules/citty/dist/index.mjs",
    "node_modules/ofetch/dist/index.mjs",
  ],
  /** The process of a job in a shell. */
  job: [
    "src/job/process/main.ts",
    "plugins/{cache,docker,git-mirrors,job-hooks,kubernetes,redact,shell,ssh-jump-point,statsd}/index.ts",
    "plugins/redact/{job-command,redaction}.ts",
  ],
  /** `signalman run`. */
  run: ["src/cli/dispatch.ts", "src/core/host/host.ts", "src/cli/commands/run.ts", "plugins/*/index.ts"],
} as const;

/** Paths of modules, from the root of the project, with those that each imports at once. */
export type ModuleGraph = ReadonlyMap<string, readonly string[]>;

/** Modules that become one chunk. */
export type ModuleGroup = readonly string[];

export function readGraph({ inputs }: Bun.BuildMetafile, root: string): ModuleGraph {
  const fromRoot = (file: string) => path.relative(root, path.resolve(file));
  // A plugin of the bundler makes modules of a namespace itself.
  const isFile = (file: string) => Object.hasOwn(inputs, file) && !/^[\w-]+:/.test(file);
  const isStatic = (each: { readonly kind: string; readonly path: string }) =>
    each.kind === "import-statement" && isFile(each.path);
  return new Map(
    Object.entries(inputs).map(([module, { imports }]) => [
      fromRoot(module),
      imports.filter(isStatic).map((each) => fromRoot(each.path)),
    ]),
  );
}

/**
 * Groups the modules that the same starts load. What `apart` imports is left out, since it is loaded without the
 * rest. Throws when a pattern names no module of the program.
 */
export function groupModules(
  graph: ModuleGraph,
  roots: Readonly<Record<string, readonly string[]>>,
  apart: string,
): ModuleGroup[] {
  const startsOf = new Map<string, string>();
  for (const [start, patterns] of Object.entries(roots)) {
    const modules = patterns.flatMap((pattern) => expand(pattern, [...graph.keys()]));
    for (const module of close(modules, graph))
      startsOf.set(module, `${startsOf.get(module) ?? ""} ${start}`);
  }
  for (const module of close([apart], graph)) startsOf.delete(module);
  const groups = Map.groupBy([...startsOf.keys()].toSorted(), (module) => startsOf.get(module)!);
  return [...groups.values()].filter(({ length }) => length > 1);
}

function close(modules: readonly string[], graph: ModuleGraph, seen = new Set<string>()): Set<string> {
  for (const module of modules) {
    if (seen.has(module)) continue;
    seen.add(module);
    close(graph.get(module) ?? [], graph, seen);
  }
  return seen;
}

function expand(pattern: string, modules: readonly string[]): string[] {
  const glob = new Bun.Glob(pattern);
  const found = modules.filter((module) => glob.match(module));
  if (found.length === 0) throw new Error(`no module of the program matches "${pattern}"`);
  return found;
}

/**
 * Makes one chunk of each group: a module from outside that imports one of its modules imports all of them, so
 * that the same dynamic imports reach all.
 */
export function joinChunks(groups: readonly ModuleGroup[], graph: ModuleGraph, root: string): Bun.BunPlugin {
  const groupOf = new Map(groups.flatMap((group, index) => group.map((module) => [module, index] as const)));
  const findOtherGroups = (module: string): number[] => {
    const found = (graph.get(module) ?? []).flatMap((each) => groupOf.get(each) ?? []);
    return [...new Set(found)].filter((index) => index !== groupOf.get(module));
  };
  return {
    name: "join-chunks",
    setup(builder) {
      builder.onResolve({ filter: /^group:\d+$/ }, (found) => ({ path: found.path, namespace: "group" }));
      builder.onLoad({ filter: /^group:/, namespace: "group" }, (found) => {
        const group = groups[Number(found.path.slice("group:".length))]!;
        return { contents: toImports(group.map((file) => path.join(root, file))), loader: "js" };
      });
      builder.onLoad({ filter: /\.(ts|mjs|js)$/ }, async (found) => {
        const others = findOtherGroups(path.relative(root, found.path));
        if (others.length === 0) return undefined;
        const text = await readFile(found.path, "utf8");
        // On the first line, so that the lines of the source map stay right.
        const contents = toImports(others.map((index) => `group:${index}`)) + text;
        return { contents, loader: found.path.endsWith(".ts") ? "ts" : "js" };
      });
    },
  };
}

function toImports(specifiers: readonly string[]): string {
  return specifiers.map((specifier) => `import ${JSON.stringify(specifier)};`).join("");
}
