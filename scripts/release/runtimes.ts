// Bun's executables for other platforms: npm packages, with the checksums that bun.lock has of them.

import { mkdir, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { run } from "./run.ts";
import type { Target } from "./targets.ts";

/** Returns the path of Bun's executable for a platform; downloads it once into `cache`. */
export async function fetchRuntime(
  { runtime, executable }: Target,
  { cache, lock }: { readonly cache: string; readonly lock: string },
): Promise<string> {
  const { version, integrity } = findLocked(lock, runtime);
  const folder = path.join(cache, `${runtime.replace("/", "-")}-${version}`);
  const file = path.join(folder, "package", executable);
  if (await Bun.file(file).exists()) return file;
  const temporary = `${folder}.new`;
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  const packed = run(["npm", "pack", "--silent", `${runtime}@${version}`], { cwd: temporary }).trim();
  const archive = path.join(temporary, packed);
  assertIntegrity(await readFile(archive), integrity, `${runtime}@${version}`);
  run(["tar", "-xzf", archive, "-C", temporary]);
  await rm(archive);
  await rm(folder, { recursive: true, force: true });
  await rename(temporary, folder);
  return file;
}

interface Locked {
  readonly version: string;
  readonly integrity: string;
}

/** Reads the version and the checksum of a package from the text of bun.lock. */
export function findLocked(lock: string, name: string): Locked {
  const entry = new RegExp(`^ {4}"${name}": \\["${name}@([^"]+)", .*"(sha512-[A-Za-z0-9+/=]+)"\\],?$`, "m");
  const [, version, integrity] = entry.exec(lock) ?? [];
  if (version === undefined || integrity === undefined)
    throw new Error(`bun.lock has no package "${name}": it is an optional dependency of "bun"`);
  return { version, integrity };
}

/** Throws when the bytes have another checksum. `integrity`: `sha512-` and base64, as in bun.lock. */
export function assertIntegrity(bytes: Uint8Array, integrity: string, name: string): void {
  const actual = `sha512-${new Bun.CryptoHasher("sha512").update(bytes).digest("base64")}`;
  if (actual !== integrity)
    throw new Error(
      `the downloaded package "${name}" has the checksum ${actual}, and bun.lock has ${integrity}`,
    );
}
