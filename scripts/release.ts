// Makes a release of the commit that is checked out: `npm run release -- <version> [--only <part>,…]
// [--outdir dist/release]`. Parts: x64 (the program for this platform only, and its packages), archives,
// packages, images, npm, chart. The same commit and version give the same bytes on every machine.
//
// Variables: SIGNALMAN_SIGNING_KEY and SIGNALMAN_NEXT_PUBLIC_KEY (see scripts/release/signatures.ts);
// SIGNALMAN_BASE_URL: where the release will be published, for the Homebrew formula; SIGNALMAN_BASE_IMAGES and
// SIGNALMAN_SMALL_BASE_IMAGES: archives of images (docker save), separated by commas, on which the images are made.

import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { toBillOfMaterials } from "./release/bill-of-materials.ts";
import { type Binary, buildBinaries } from "./release/binaries.ts";
import { sha256, writeChecksums } from "./release/checksums.ts";
import { type ContentsOptions, packChart, packNpm, writeProgramArchive } from "./release/contents.ts";
import { toFormula } from "./release/formula.ts";
import { type ImagesOptions, makeImages, type UsedBase } from "./release/images.ts";
import { toNotes } from "./release/notes.ts";
import { fetchNfpm, makePackage } from "./release/packages.ts";
import { run } from "./release/run.ts";
import { readKeys, type ReleaseKeys, sign, verify } from "./release/signatures.ts";
import { checkOut, type SourceTree } from "./release/source-tree.ts";
import { toStatement } from "./release/statement.ts";
import { type Target, targets } from "./release/targets.ts";
import { collectUserFiles } from "./release/user-files.ts";

const root = path.dirname(import.meta.dir);
const toolchain = path.join(root, ".toolchain");
const parts = ["archives", "packages", "images", "npm", "chart"] as const;
type Part = (typeof parts)[number];

export interface ReleaseOptions {
  readonly version: string;
  readonly outdir: string;
  readonly targets: readonly Target[];
  readonly parts: ReadonlySet<Part>;
  readonly keys: ReleaseKeys;
  readonly baseUrl?: string | undefined;
  readonly bases: ImagesOptions["bases"];
  readonly log: (text: string) => void;
}

if (import.meta.main) {
  try {
    await release(await readOptions(process.argv.slice(2)));
  } catch (error) {
    console.error(`release: ${(error as Error).message}`);
    process.exit(1);
  }
}

async function readOptions(argv: string[]): Promise<ReleaseOptions> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: { only: { type: "string" }, outdir: { type: "string" } },
  });
  const [version = ""] = positionals;
  if (!/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(version) || positionals.length !== 1)
    throw new Error(`usage: npm run release -- <version>, such as 1.2.3, not "${positionals.join(" ")}"`);
  const only = new Set(values.only?.split(",") ?? parts);
  const unknown = [...only].find((part) => part !== "x64" && !(parts as readonly string[]).includes(part));
  if (unknown !== undefined) throw new Error(`no part "${unknown}" (known parts: x64, ${parts.join(", ")})`);
  const isX64 = only.delete("x64");
  return {
    version,
    outdir: path.resolve(values.outdir ?? path.join(root, "dist", "release")),
    targets: isX64 ? targets.filter(({ bun }) => bun.startsWith("bun-linux-x64")) : targets,
    parts: new Set(only.size > 0 ? (only as ReadonlySet<Part>) : parts),
    keys: await readKeys(process.env),
    baseUrl: process.env["SIGNALMAN_BASE_URL"]?.replace(/\/$/, ""),
    bases: {
      debian: toList(process.env["SIGNALMAN_BASE_IMAGES"]),
      small: toList(process.env["SIGNALMAN_SMALL_BASE_IMAGES"]),
    },
    log: (text) => console.log(`release: ${text}`),
  };
}

function toList(text = ""): string[] {
  return text.split(",").filter((item) => item !== "");
}

/** Removes an earlier release. Throws when the directory has something else, which may be precious. */
async function emptyDirectory(directory: string): Promise<void> {
  const names = await readdir(directory).catch((): string[] => []);
  if (names.length > 0 && !names.includes("install.sh"))
    throw new Error(`"${directory}" is not empty, and has no earlier release: name another --outdir`);
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
}

/** Replaces the content of the directory by the files of a release. */
export async function release(options: ReleaseOptions): Promise<void> {
  const { version, outdir, keys, log } = options;
  const startedOn = new Date();
  await emptyDirectory(outdir);
  await using tree = await checkOut(root, version);
  const changes = run(["git", "status", "--porcelain"], { cwd: root }).trim().split("\n").filter(Boolean);
  if (changes.length > 0) log(`${changes.length} uncommitted changes are not in it`);
  log(`version ${version} of commit ${tree.commit}`);
  const built = await buildBinaries(tree, options.targets, {
    version,
    keys: keys.publicKeys,
    cache: path.join(toolchain, "runtimes"),
    log,
  });
  const { licenses } = built.content;
  const installer = Buffer.from(await makeInstaller(options, tree));
  const userFiles = await collectUserFiles(tree);
  const contents: ContentsOptions = { version, tree, outdir, installer, licenses, userFiles };
  await writeFile(path.join(outdir, "install.sh"), installer, { mode: 0o755 });
  if (options.parts.has("archives"))
    for (const binary of built.binaries) await writeProgramArchive(binary, contents);
  if (options.parts.has("packages")) await makePackages(built.binaries, contents, log);
  const bases = options.parts.has("images") ? await makeImagesIfAny(built.binaries, contents, options) : [];
  if (options.parts.has("npm")) await packNpm(contents);
  if (options.parts.has("chart")) await packChart(contents);
  await writeFormula(options);
  await writeFile(
    path.join(outdir, `signalman_${version}.cdx.json`),
    toBillOfMaterials({ version, ...tree }, built.content),
  );
  const changelog = await readFile(path.join(tree.path, "CHANGELOG.md"), "utf8");
  await writeFile(path.join(outdir, "NOTES.md"), toNotes(changelog, version));
  await seal(options, { version, ...tree }, { startedOn, bases });
  log(`${(await readdir(outdir)).length} files in ${path.relative(process.cwd(), outdir) || outdir}`);
}

async function makePackages(
  binaries: readonly Binary[],
  { version, tree, outdir, licenses, userFiles }: ContentsOptions,
  log: ReleaseOptions["log"],
): Promise<void> {
  const nfpm = await fetchNfpm(toolchain);
  const work = await mkdtemp(path.join(tmpdir(), "signalman-packages-"));
  try {
    for (const binary of binaries) {
      const { packageKinds = [] } = binary.target;
      for (const kind of packageKinds) {
        log(`packing ${kind} for ${binary.target.bun}`);
        await makePackage(kind, binary, { version, tree, work, outdir, nfpm, licenses, userFiles });
      }
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function makeImagesIfAny(
  binaries: readonly Binary[],
  { version, tree, outdir, licenses }: ContentsOptions,
  { bases, log }: ReleaseOptions,
): Promise<readonly UsedBase[]> {
  if (bases.debian.length === 0) log("no image: SIGNALMAN_BASE_IMAGES is not set");
  if (bases.small.length === 0) log("no small image: SIGNALMAN_SMALL_BASE_IMAGES is not set");
  return makeImages(binaries, { version, time: tree.time, outdir, licenses, bases });
}

/** The installer knows the keys of its release. */
async function makeInstaller({ keys }: ReleaseOptions, tree: SourceTree): Promise<string> {
  const text = await readFile(path.join(tree.path, "scripts/release/install.sh"), "utf8");
  return text.replace("@RELEASE_KEYS@", keys.publicKeys.join("\n"));
}

async function writeFormula({
  version,
  outdir,
  baseUrl,
  targets: all,
  parts: made,
  log,
}: ReleaseOptions): Promise<void> {
  if (!made.has("archives") || all.length < targets.length) return;
  if (!baseUrl) return log("no Homebrew formula: SIGNALMAN_BASE_URL is not set");
  const formula = await toFormula({ version, baseUrl }, (name) => path.join(outdir, `${name}.tar.gz`));
  await writeFile(path.join(outdir, "signalman.rb"), formula);
}

/** Writes the statement of the build, the checksums, and their signature. */
async function seal(
  { version, outdir, keys, log }: ReleaseOptions,
  identity: { readonly version: string; readonly commit: string; readonly time: number },
  { startedOn, bases }: { readonly startedOn: Date; readonly bases: readonly UsedBase[] },
): Promise<void> {
  const files = (await readdir(outdir)).toSorted();
  const subjects = await Promise.all(
    files.map(async (name) => ({ name, sha256: await sha256(path.join(outdir, name)) })),
  );
  const statement = toStatement(identity, subjects, { startedOn, finishedOn: new Date() }, bases);
  await writeFile(path.join(outdir, `signalman_${version}.intoto.json`), statement);
  const checksums = await writeChecksums(outdir, { version, files });
  if (keys.publicKeys.length > 0)
    await writeFile(path.join(outdir, "signalman.pub"), `${keys.publicKeys.join("\n")}\n`);
  if (keys.privateKey === undefined) return log("NOT SIGNED: SIGNALMAN_SIGNING_KEY is not set");
  sign(checksums, keys.privateKey);
  await verify(checksums, keys.publicKeys);
  log("signed");
}
