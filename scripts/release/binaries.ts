// The program for each platform.

import path from "node:path";
import { pathToFileURL } from "node:url";
import type { build, collectContent, ProgramContent } from "../build.ts";
import { fetchRuntime } from "./runtimes.ts";
import type { SourceTree } from "./source-tree.ts";
import type { Target } from "./targets.ts";

export interface Binary {
  readonly target: Target;
  readonly file: string;
}

export interface Binaries {
  readonly binaries: readonly Binary[];
  readonly content: ProgramContent;
}

export interface BinariesOptions {
  readonly version: string;
  /** Public keys of releases, which the program trusts. */
  readonly keys: readonly string[];
  /** Where Bun's executables are kept. */
  readonly cache: string;
  readonly log: (text: string) => void;
}

/** Builds the program for each platform, from the source tree and by its own build script. */
export async function buildBinaries(
  tree: SourceTree,
  targets: readonly Target[],
  { version, keys, cache, log }: BinariesOptions,
): Promise<Binaries> {
  const script = pathToFileURL(path.join(tree.path, "scripts/build.ts")).href;
  const builder = (await import(script)) as Builder;
  const before = process.cwd();
  // The bundler writes paths relative to the working directory into the program.
  process.chdir(tree.path);
  try {
    return await buildAll(tree, targets, { version, keys, cache, log, builder });
  } finally {
    process.chdir(before);
  }
}

interface Builder {
  readonly build: typeof build;
  readonly collectContent: typeof collectContent;
}

async function buildAll(
  tree: SourceTree,
  targets: readonly Target[],
  { version, keys, cache, log, builder }: BinariesOptions & { readonly builder: Builder },
): Promise<Binaries> {
  const entry = path.join(tree.path, "src/main.ts");
  const content = await builder.collectContent(entry);
  const lock = await Bun.file(path.join(tree.path, "bun.lock")).text();
  const binaries: Binary[] = [];
  for (const target of targets) {
    log(`building ${target.archive}`);
    // Bun embeds the name of the file.
    const name = target.program.endsWith(".exe") ? "signalman.exe" : "signalman";
    const file = path.join(tree.path, "dist", target.bun, name);
    await builder.build({
      entry,
      outfile: file,
      target: target.bun,
      runtime: await fetchRuntime(target, { cache, lock }),
      version,
      commit: tree.commit,
      time: tree.time,
      keys,
      content,
    });
    binaries.push({ target, file });
  }
  return { binaries, content };
}
