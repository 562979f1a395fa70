// Archives that are the same bytes whenever and wherever they are made.

import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { pack } from "tar-stream";

/** A file, a link, or (with a name that ends with a slash) a directory. */
export interface ArchiveEntry {
  readonly name: string;
  /** Permissions. Default: 0644. */
  readonly mode?: number;
  /** User and group id. Default: root. */
  readonly owner?: number;
  readonly content?: Uint8Array | { readonly file: string };
  /** What a symbolic link leads to. */
  readonly link?: string;
}

/** Writes a `.tar.gz` whose entries have one time (seconds since 1970), in the given order. */
export async function writeArchive(
  outfile: string,
  entries: readonly ArchiveEntry[],
  time: number,
): Promise<void> {
  const gzip = createGzip({ level: 9 });
  await Promise.all([pipeline(gzip, createWriteStream(outfile)), write(entries, time, gzip)]);
}

/** Writes a `.tar` as {@link writeArchive} does. */
export function writeTar(outfile: string, entries: readonly ArchiveEntry[], time: number): Promise<void> {
  return write(entries, time, createWriteStream(outfile));
}

async function write(entries: readonly ArchiveEntry[], time: number, to: Writable): Promise<void> {
  const archive = pack();
  const written = pipeline(archive, to);
  for (const { name, mode = 0o644, owner = 0, content, link } of entries) {
    const type = link !== undefined ? "symlink" : name.endsWith("/") ? "directory" : "file";
    const of = owner === 0 ? { uname: "root", gname: "root" } : {};
    const header = { name, mode, uid: owner, gid: owner, mtime: new Date(time * 1000), type, ...of } as const;
    const bytes =
      content === undefined || content instanceof Uint8Array ? content : await readFile(content.file);
    archive.entry({ ...header, ...(link !== undefined && { linkname: link }) }, Buffer.from(bytes ?? []));
  }
  archive.finalize();
  await written;
}
