// Compiles the program into one executable: `bun scripts/build.ts [--target=bun-linux-arm64]
// [--outfile=dist/signalman]`. The time of the build is that of the commit, or `SOURCE_DATE_EPOCH`.

import { exists, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { version as packageVersion } from "../package.json";
import { withoutAddons } from "./build/addons.ts";
import {
  groupModules,
  joinChunks,
  type ModuleGraph,
  type ModuleGroup,
  readGraph,
  starts,
} from "./build/chunks.ts";
import { collectLicenses, findPackageFolders, listParts, type PackagePart } from "./build/licenses.ts";
import { collectDeclarations } from "./build/declarations.ts";
import { collectSchemas } from "./build/schemas.ts";
import { separateSdkLibrary } from "./build/sdk-library.ts";
import { collectTypes } from "./build/types.ts";
import { bundlePage } from "../plugins/page/bundle.ts";
import { readPages } from "../src/cli/help/pages.ts";

export interface BuildOptions {
  readonly entry: string;
  readonly outfile: string;
  /** Bun's name of a platform, such as `bun-linux-arm64`. Default: the platform of this machine. */
  readonly target?: Bun.Build.CompileTarget | undefined;
  /** The Bun executable of that platform. Default: Bun downloads it, or takes this process's. */
  readonly runtime?: string | undefined;
  readonly version: string;
  /** Default: the commit of the working tree. */
  readonly commit?: string;
  /** Seconds since 1970. Default: the time of that commit, or `SOURCE_DATE_EPOCH`. */
  readonly time?: number;
  /** Public keys of releases, which `upgrade` trusts. Default: none. */
  readonly keys?: readonly string[];
  /** Left out: it is collected. */
  readonly content?: ProgramContent;
}

/** What the program contains, whatever its platform. */
export interface ProgramContent {
  readonly packages: readonly PackagePart[];
  /** The texts of their licences, and of the program's and the runtime's. */
  readonly licenses: string;
  /** Values that the build embeds, by name. */
  readonly embedded: Readonly<Record<string, string>>;
  readonly graph: ModuleGraph;
  /** Modules that are loaded together. */
  readonly groups: readonly ModuleGroup[];
}

const root = path.dirname(import.meta.dir);

/**
 * Builds a temporary file and renames it to `outfile`, so that a running program is replaced and not
 * modified. Writes the licences of what the program contains to `<outfile>-licenses.txt`.
 */
export async function build(options: BuildOptions): Promise<void> {
  const { entry, outfile, target, runtime } = options;
  await mkdir(path.dirname(outfile), { recursive: true });
  const temporary = await mkdtemp(path.join(path.dirname(outfile), ".building-"));
  const file = path.join(temporary, path.basename(outfile));
  try {
    const content = options.content ?? (await collectContent(entry));
    await Bun.build({
      ...bundling(entry),
      plugins: [withoutAddons, separateSdkLibrary, joinChunks(content.groups, content.graph, root)],
      compile: {
        outfile: file,
        ...(target === undefined ? {} : { target }),
        ...(runtime === undefined ? {} : { executablePath: runtime }),
        // The working directory may be an untrusted checkout: its bunfig.toml, .env and tsconfig.json are
        // ignored.
        autoloadBunfig: false,
        autoloadDotenv: false,
        autoloadTsconfig: false,
        // A user's plugins resolve packages through the package.json beside them.
        autoloadPackageJson: true,
      },
      define: {
        ...production,
        "process.env.SIGNALMAN_VERSION": JSON.stringify(options.version),
        ...content.embedded,
        "process.env.SIGNALMAN_RELEASE_KEYS": JSON.stringify(JSON.stringify(options.keys ?? [])),
        "process.env.SIGNALMAN_BUILD": JSON.stringify(JSON.stringify(describe(options, content))),
      },
      bytecode: true,
      minify: true,
      // The source map is part of the binary and gives stack traces file names and lines, for four megabytes.
      sourcemap: "linked",
    });
    await writeFile(`${outfile}-licenses.txt`, content.licenses);
    await rename(file, outfile);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

const production = { "process.env.NODE_ENV": '"production"' };

function bundling(entry: string) {
  return {
    entrypoints: [entry],
    plugins: [withoutAddons, separateSdkLibrary],
    format: "esm" as const,
    splitting: true,
  };
}

/** Finds out what the program contains, by a bundle that is not kept. */
export async function collectContent(entry: string): Promise<ProgramContent> {
  const { metafile } = await Bun.build({
    ...bundling(entry),
    target: "bun",
    metafile: true,
    define: production,
  });
  const runtime = path.join(root, "node_modules", "bun-types");
  const graph = readGraph(metafile!, root);
  // The browser's part is bundled by itself.
  const browser = path.join(root, "node_modules", "preact");
  const folders = [...findPackageFolders(Object.keys(metafile!.inputs)), browser];
  const bun = { name: "bun", version: Bun.version, license: "MIT" };
  return {
    packages: [...(await listParts(folders)), bun].toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    licenses: await collectLicenses([root, ...folders, runtime]),
    graph,
    groups: groupModules(graph, starts, path.relative(root, entry)),
    embedded: {
      "process.env.SIGNALMAN_TEST_RUNNER": JSON.stringify(await bundleTestRunner()),
      "process.env.SIGNALMAN_SCHEMAS": JSON.stringify(JSON.stringify(await collectSchemas())),
      "process.env.SIGNALMAN_DECLARATIONS": JSON.stringify(JSON.stringify(await collectDeclarations())),
      "process.env.SIGNALMAN_TYPES": JSON.stringify(pack(await collectTypes())),
      "process.env.SIGNALMAN_PAGE": JSON.stringify(JSON.stringify(await bundlePage())),
      "process.env.SIGNALMAN_PAGES": JSON.stringify(
        pack(Object.fromEntries(await readPages(path.join(root, "docs")))),
      ),
    },
  };
}

/** What `version --json` prints, without the version. */
function describe(options: BuildOptions, { packages }: ProgramContent) {
  const { commit, time, target } = { ...findCommit(), ...options };
  return {
    commit,
    built: new Date(time * 1000).toISOString(),
    target: target ?? `bun-${process.platform}-${process.arch}`,
    packages: packages.map(({ name, version }) => `${name}@${version}`),
    licenses: [...new Set(packages.map(({ license }) => license))].toSorted(),
  };
}

/**
 * Bundles the SDK into one file for `signalman plugins test`, where the binary runs as Bun without its
 * compiled modules.
 */
async function bundleTestRunner(): Promise<string> {
  const entry = path.join(root, "src", "testing", "runner.ts");
  const { outputs } = await Bun.build({
    entrypoints: [entry],
    plugins: [withoutAddons],
    target: "bun",
    format: "cjs",
    minify: true,
  });
  return outputs[0]!.text();
}

/** Packs texts for `src/cli/embedded.ts`, which unpacks them when a command needs them. */
function pack(texts: Readonly<Record<string, string>>): string {
  return Buffer.from(Bun.zstdCompressSync(JSON.stringify(texts), { level: 19 })).toString("base64");
}

/**
 * Derives the version from the latest git tag (`v1.2.3` → `1.2.3` or `1.2.3-4-gabc1234`), else from
 * package.json.
 */
async function findVersion(): Promise<string> {
  if (!(await exists(path.join(root, ".git")))) return packageVersion;
  const git = Bun.spawnSync(["git", "describe", "--tags", "--match=v[0-9]*"], {
    cwd: root,
    stderr: "ignore",
  });
  return git.success ? git.stdout.toString().trim().slice(1) : packageVersion;
}

/** Returns the commit of the working tree, and its time in seconds; of a tree without git the time 0. */
export function findCommit(directory = root): { readonly commit: string; readonly time: number } {
  const git = Bun.spawnSync(["git", "log", "-1", "--format=%H %ct"], { cwd: directory, stderr: "ignore" });
  const [commit = "", seconds = "0"] = git.success ? git.stdout.toString().trim().split(" ") : [];
  const epoch = process.env["SOURCE_DATE_EPOCH"];
  return { commit: commit || "unknown", time: Number(epoch ?? seconds) };
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { target: { type: "string" }, outfile: { type: "string" } } });
  const outfile = path.resolve(values.outfile ?? path.join(root, "dist", "signalman"));
  await build({
    entry: path.join(root, "src", "main.ts"),
    outfile,
    target: values.target as Bun.Build.CompileTarget | undefined,
    version: await findVersion(),
  });
  const size = Math.round(Bun.file(outfile).size / 1_000_000);
  console.log(`${path.relative(process.cwd(), outfile)} (${size} MB)`);
}
