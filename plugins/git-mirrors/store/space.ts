import { randomBytes } from "node:crypto";
import { readdir, rename, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { toMessage } from "signalman";
import { removeOldAnswers } from "./answers.ts";
import { readText } from "./files.ts";
import { isMirrorName, type MirrorPaths, toPaths } from "./layout.ts";
import { tryLock } from "./mirror-lock.ts";

/** A mirror on disk. */
export interface StoredMirror {
  readonly paths: MirrorPaths;
  readonly url: string;
  readonly bytes: number;
  /** Unix milliseconds; 0 for one that was never complete. */
  readonly usedAt: number;
}

/** Lists the mirrors in a directory, those that were used last first. */
export async function listMirrors(root: string): Promise<StoredMirror[]> {
  const names = (await readdir(root).catch(() => [])).filter((name) => isMirrorName(name));
  const found = await Promise.all(
    names.map(async (name) => {
      const paths = toPaths(root, name);
      const [bytes, url, used] = await Promise.all([
        measureMirror(paths),
        readText(paths.url).catch(() => undefined),
        stat(paths.used).catch(() => undefined),
      ]);
      return { paths, bytes, url: url?.trim() ?? name, usedAt: used?.mtimeMs ?? 0 };
    }),
  );
  return found.toSorted((a, b) => b.usedAt - a.usedAt);
}

/** Removes a mirror; the caller holds its lock. A directory that is being removed is no mirror any more. */
export async function removeMirror(root: string, { directory }: MirrorPaths): Promise<void> {
  const trash = join(root, `trash-${randomBytes(8).toString("hex")}`);
  await rename(directory, trash).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  await rm(trash, { recursive: true, force: true });
}

/** Removes what a killed process was about to remove. */
export async function removeTrash(root: string): Promise<void> {
  const names = (await readdir(root).catch(() => [])).filter((name) => name.startsWith("trash-"));
  await Promise.all(names.map((name) => rm(join(root, name), { recursive: true, force: true })));
}

/**
 * Keeps the mirrors within `size`: ready answers go first, then the mirrors that were used least recently. One that a
 * process holds stays. Resolves to the bytes that remain.
 */
export async function enforceSize(root: string, size: number, own?: MirrorPaths): Promise<number> {
  const mirrors = await listMirrors(root);
  let total = mirrors.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { paths, bytes } of mirrors.toReversed()) {
    if (total <= size) return total;
    if (paths.name === own?.name) continue;
    using lock = await tryLock(paths);
    if (lock === undefined) continue;
    await removeOldAnswers(paths.answers, 0);
    total -= bytes;
    const rest = await measureMirror(paths);
    if (total + rest <= size) total += rest;
    else await removeMirror(root, paths);
  }
  return total;
}

/** The bytes that may still be written: 5 % of the disk stay free, 1 GiB at most. */
export async function findFreeSpace(root: string): Promise<number> {
  const { bsize, bavail, blocks } = await statfs(root);
  return bsize * bavail - Math.min(2 ** 30, bsize * blocks * 0.05);
}

/** Whether the disk or the process has too little of something, and the mirror itself is sound. */
export function isDiskFault(error: unknown): boolean {
  const { code = "" } = Object(error) as NodeJS.ErrnoException;
  return (
    ["ENOSPC", "EDQUOT", "EROFS", "EMFILE", "ENFILE"].includes(code) || /No space left/.test(toMessage(error))
  );
}

/** The bytes of packs and ready answers; everything else is small. */
export async function measureMirror({ repository, answers }: MirrorPaths): Promise<number> {
  const sizes = await Promise.all(
    [join(repository, "objects", "pack"), answers].map(async (directory) => {
      const names = await readdir(directory).catch(() => []);
      const files = await Promise.all(
        names.map((name) => stat(join(directory, name)).catch(() => undefined)),
      );
      return files.reduce((sum, file) => sum + (file?.size ?? 0), 0);
    }),
  );
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}
