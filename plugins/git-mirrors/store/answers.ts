import { readdir, rename, rm, stat } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { createFile, makeDirectory, openFile, readPieces, touch } from "./files.ts";
import { runGit } from "./git.ts";
import type { MirrorPaths } from "./layout.ts";

/** A complete answer to a request, which the receiver closes. */
export interface Answer {
  readonly file: FileHandle;
  readonly bytes: number;
}

/** Opens the answer to the same request of an earlier job. One that has changed on disk is removed. */
export async function openReadyAnswer({ answers }: MirrorPaths, key: string): Promise<Answer | undefined> {
  const name = (await listNames(answers)).find((each) => each.startsWith(`${key}.`));
  if (name === undefined) return undefined;
  const path = join(answers, name);
  const file = await openFile(path).catch(() => undefined);
  if (file === undefined) return undefined;
  const { sum, bytes } = await measure(file).catch(() => ({ sum: "", bytes: 0 }));
  if (`${key}.${sum}` === name) {
    await touch(path);
    return { file, bytes };
  }
  await file.close();
  await rm(path, { force: true });
  return undefined;
}

/**
 * Lets git answer a request from the mirror. The answer is complete before any of it is sent, so that a damaged
 * mirror never breaks a clone: this throws then. With `key` the answer is kept for the next job.
 */
export async function createAnswer(
  { repository, answers }: MirrorPaths,
  { raw, key }: { readonly raw: Uint8Array; readonly key: string | undefined },
  signal: AbortSignal,
): Promise<Answer> {
  await makeDirectory(answers);
  const path = join(answers, `new-${randomBytes(8).toString("hex")}`);
  const file = await createFile(path);
  try {
    const { status, errors } = await runGit({
      directory: repository,
      words: ["upload-pack", "--stateless-rpc", "--strict", "."],
      input: raw,
      output: file.fd,
      env: { GIT_PROTOCOL: "version=2" },
      signal,
    });
    if (status !== 0) throw new Error(`git upload-pack: ${errors.trim() || `status ${status}`}`);
    const { sum, bytes } = await measure(file);
    if (key === undefined) await rm(path);
    else await keepAnswer(answers, path, `${key}.${sum}`);
    return { file, bytes };
  } catch (error) {
    await file.close();
    await rm(path, { force: true });
    throw error;
  }
}

/** Makes a file with an answer a ready one. Its name is the key, a dot, its checksum and its length. */
export async function keepAnswer(answers: string, path: string, name: string): Promise<void> {
  await rename(path, join(answers, name));
  await removeOldAnswers(answers, mostAnswers);
}

/** Removes what a killed process has left. The caller holds the lock. */
export async function removeUnfinishedAnswers(answers: string): Promise<void> {
  const names = (await listNames(answers)).filter((name) => name.startsWith("new-"));
  await Promise.all(names.map((name) => rm(join(answers, name), { force: true })));
}

/** Removes all answers but the ones that were used last. Those that are being sent are complete all the same. */
export async function removeOldAnswers(answers: string, kept: number): Promise<void> {
  const found = await Promise.all(
    (await listNames(answers)).map(async (name) => {
      const path = join(answers, name);
      return { path, time: (await stat(path).catch(() => undefined))?.mtimeMs ?? 0 };
    }),
  );
  for (const { path } of found.toSorted((a, b) => b.time - a.time).slice(kept))
    await rm(path, { force: true });
}

async function listNames(answers: string): Promise<string[]> {
  return readdir(answers).catch(() => []);
}

async function measure(file: FileHandle): Promise<{ sum: string; bytes: number }> {
  let sum = 0;
  let bytes = 0;
  for await (const piece of readPieces(file)) {
    sum = crc32(piece, sum);
    bytes += piece.length;
  }
  return { sum: `${sum.toString(16).padStart(8, "0")}-${bytes}`, bytes };
}

/** The jobs of one pipeline ask for the same, and a few pipelines run at a time. */
const mostAnswers = 6;
