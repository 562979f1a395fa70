// Compiles the program into one executable: `bun scripts/build.ts [--target=bun-linux-arm64]
// [--outfile=dist/signalman]`.

import { exists, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { version as packageVersion } from "../package.json";
import { withoutAddons } from "./build/addons.ts";
import { collectLicenses, findPackageFolders } from "./build/licenses.ts";
import { collectSchemas } from "./build/schemas.ts";
import { collectTypes } from "./build/types.ts";

export interface BuildOptions {
  readonly entry: string;
  readonly outfile: string;
  /** Bun's name of a platform, such as `bun-linux-arm64`. Default: the platform of this machine. */
  readonly target?: Bun.Build.CompileTarget | undefined;
  readonly version: string;
}

const root = path.dirname(import.meta.dir);

/**
 * Builds a temporary file and renames it to `outfile`, so that a running program is replaced and not
 * modified. Writes the licences of what the program contains to `<outfile>-licenses.txt`.
 */
export async function build({ entry, outfile, target, version }: BuildOptions): Promise<void> {
  await mkdir(path.dirname(outfile), { recursive: true });
  const temporary = await mkdtemp(path.join(path.dirname(outfile), ".building-"));
  const file = path.join(temporary, path.basename(outfile));
  try {
    const { metafile } = await Bun.build({
      entrypoints: [entry],
      metafile: true,
      plugins: [withoutAddons],
      compile: {
        outfile: file,
        ...(target === undefined ? {} : { target }),
        // The working directory may be an untrusted checkout: its bunfig.toml, .env and tsconfig.json are
        // ignored.
        autoloadBunfig: false,
        autoloadDotenv: false,
        autoloadTsconfig: false,
        // A user's plugins resolve packages through the package.json beside them.
        autoloadPackageJson: true,
      },
      define: {
        "process.env.NODE_ENV": '"production"',
        "process.env.SIGNALMAN_VERSION": JSON.stringify(version),
        "process.env.SIGNALMAN_TEST_PRELOAD": JSON.stringify(await bundleTestPreload()),
        "process.env.SIGNALMAN_SCHEMAS": JSON.stringify(JSON.stringify(await collectSchemas())),
        "process.env.SIGNALMAN_TYPES": JSON.stringify(await packTypes()),
      },
      format: "esm",
      splitting: true,
      bytecode: true,
      minify: true,
      // The source map is part of the binary and gives stack traces file names and lines, for half a
      // megabyte.
      sourcemap: "linked",
    });
    const runtime = path.join(root, "node_modules", "bun-types");
    const folders = findPackageFolders(Object.keys(metafile!.inputs));
    await writeFile(`${outfile}-licenses.txt`, await collectLicenses([root, ...folders, runtime]));
    await rename(file, outfile);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/**
 * Bundles the SDK into one file for `signalman plugins test`, where the binary runs as Bun without its
 * compiled modules.
 */
async function bundleTestPreload(): Promise<string> {
  const entry = path.join(root, "src", "testing", "preload.ts");
  const { outputs } = await Bun.build({
    entrypoints: [entry],
    plugins: [withoutAddons],
    target: "bun",
    format: "esm",
    minify: true,
  });
  return outputs[0]!.text();
}

/** Packs the type declarations for `signalman plugins new`: JSON, compressed, in base64. */
async function packTypes(): Promise<string> {
  return Buffer.from(Bun.gzipSync(JSON.stringify(await collectTypes()))).toString("base64");
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
