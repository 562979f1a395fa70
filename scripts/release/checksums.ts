import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";

/** SHA-256 in hexadecimal digits. */
export async function sha256(file: string): Promise<string> {
  return new Bun.CryptoHasher("sha256").update(await readFile(file)).digest("hex");
}

/**
 * Writes `SHA256SUMS` of files in a directory, as `sha256sum -c` reads it. The first line is a comment with
 * the version.
 */
export async function writeChecksums(
  directory: string,
  { version, files }: { readonly version: string; readonly files: readonly string[] },
): Promise<string> {
  const lines = [`# signalman ${version}`];
  for (const name of files.toSorted()) lines.push(`${await sha256(path.join(directory, name))}  ${name}`);
  const file = path.join(directory, "SHA256SUMS");
  await writeFile(file, `${lines.join("\n")}\n`);
  return file;
}
