// What a release has beside the program for its users: scripts of completion and manual pages.

import { readFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import type { renderManualPages } from "../manual/pages.ts";
import type { ArchiveEntry } from "./archive.ts";
import type { SourceTree } from "./source-tree.ts";
import type { Packager } from "./targets.ts";

export interface UserFiles {
  /** Scripts by shell. */
  readonly completions: Readonly<Record<"bash" | "zsh" | "fish", Uint8Array>>;
  /** Manual pages by file: `signalman.1`. */
  readonly manual: ReadonlyMap<string, string>;
}

/** Collects the files from a source tree, by its own scripts. */
export async function collectUserFiles(tree: Pick<SourceTree, "path" | "time">): Promise<UserFiles> {
  const script = pathToFileURL(path.join(tree.path, "scripts/manual/pages.ts")).href;
  const renderer = (await import(script)) as { readonly renderManualPages: typeof renderManualPages };
  const read = (shell: string) => readFile(path.join(tree.path, `src/cli/completion/script.${shell}.txt`));
  return {
    completions: { bash: await read("bash"), zsh: await read("zsh"), fish: await read("fish") },
    manual: await renderer.renderManualPages(tree.time),
  };
}

/** Lists the files of a package: path → content. */
export function toPackageFiles(
  packager: Packager,
  { completions, manual }: UserFiles,
): Map<string, Uint8Array> {
  // Debian leaves site-functions to the administrator.
  const zsh = packager === "deb" ? "vendor-completions" : "site-functions";
  const files = new Map([
    ["/usr/share/bash-completion/completions/signalman", completions.bash],
    [`/usr/share/zsh/${zsh}/_signalman`, completions.zsh],
    ["/usr/share/fish/vendor_completions.d/signalman.fish", completions.fish],
  ]);
  for (const [page, text] of manual)
    files.set(`/usr/share/man/man${page.at(-1)}/${page}.gz`, gzipSync(text, { level: 9 }));
  return files;
}

/** Lists the entries of an archive, in directories of their own. */
export function toArchiveEntries({ completions, manual }: UserFiles): ArchiveEntry[] {
  return [
    { name: "completions/signalman.bash", content: completions.bash },
    { name: "completions/_signalman", content: completions.zsh },
    { name: "completions/signalman.fish", content: completions.fish },
    ...[...manual].map(([page, text]) => ({ name: `man/${page}`, content: Buffer.from(text) })),
  ];
}
