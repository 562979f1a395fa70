import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, rmSync } from "node:fs";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { extract } from "tar-stream";
import { AgentError, toMessage } from "../../core/errors.ts";
import type { SignedRelease } from "./release.ts";

/** An archive has about 65 MB, and a program 140 MB. */
const mostArchiveBytes = 512 * 1024 * 1024;
const mostProgramBytes = 1024 * 1024 * 1024;

/** Returns the name of the archive for a platform (Bun's name of it, such as `bun-linux-x64-musl`). */
export function toArchiveName(target: string): string {
  const [, system = "", machine, musl = ""] = /^bun-(linux|darwin)-(x64|arm64)(-musl)?$/.exec(target) ?? [];
  if (machine === undefined)
    throw new AgentError("USAGE_INVALID", `releases have no archive for the platform "${target}"`);
  const name = system === "linux" ? "Linux" : "Darwin";
  return `agent_${name}_${machine === "x64" ? "x86_64" : "arm64"}${musl.replace("-", "_")}.tar.gz`;
}

/**
 * Writes the program in an archive of a release to `file`, which must not exist. The archive is verified
 * before it is unpacked. `onBytes` receives the size of what is downloaded so far. Throws `FILE_FAILED`; what
 * was written until then is to be removed.
 */
export async function unpackProgram(
  release: SignedRelease,
  archive: string,
  file: string,
  onBytes?: (bytes: number) => void,
): Promise<void> {
  const packed = `${file}.tar.gz`;
  try {
    await download(release, { archive, onBytes }, packed);
    await extractProgram(packed, file);
  } catch (cause) {
    if (cause instanceof AgentError) throw cause;
    const what = `"${archive}" of release ${release.version}`;
    throw new AgentError("FILE_FAILED", `cannot unpack ${what}: ${toMessage(cause)}`, { cause });
  } finally {
    rmSync(packed, { force: true });
  }
}

/** Writes an archive to a file. Throws unless it has the checksum that the release names. */
async function download(
  release: SignedRelease,
  {
    archive,
    onBytes,
  }: { readonly archive: string; readonly onBytes?: ((bytes: number) => void) | undefined },
  file: string,
): Promise<void> {
  const { content, sha256 } = await release.open(archive);
  const hash = createHash("sha256");
  let size = 0;
  const measure = new Transform({
    transform(block: Buffer, _, done) {
      size += block.length;
      hash.update(block);
      onBytes?.(size);
      if (size > mostArchiveBytes) done(new Error(`it is larger than ${mostArchiveBytes} bytes`));
      else done(undefined, block);
    },
  });
  rmSync(file, { force: true });
  await pipeline(content, measure, createWriteStream(file, { flags: "wx", mode: 0o600 }));
  const actual = hash.digest("hex");
  if (actual === sha256) return;
  const named = `release ${release.version} names ${sha256}`;
  throw new AgentError("FILE_FAILED", `"${archive}" has the checksum ${actual}, and ${named}`);
}

async function extractProgram(archive: string, file: string): Promise<void> {
  const reader = extract();
  let isFound = false;
  const reading = (async () => {
    for await (const entry of reader) {
      if (entry.header.name !== "agent") {
        entry.resume();
        continue;
      }
      if ((entry.header.size ?? 0) > mostProgramBytes) throw new Error("its program is too large");
      isFound = true;
      await pipeline(entry, createWriteStream(file, { flags: "wx", mode: 0o700 }));
    }
  })();
  await Promise.all([pipeline(createReadStream(archive), createGunzip(), reader), reading]);
  if (!isFound) throw new Error('it has no program "agent"');
}
