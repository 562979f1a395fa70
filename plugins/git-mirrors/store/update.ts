import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { FetchRequest } from "../protocol/request.ts";
import type { Tag } from "../protocol/tags.ts";
import { removeUnfinishedAnswers } from "./answers.ts";
import { makeDirectory, replaceFile, touch } from "./files.ts";
import { runGit } from "./git.ts";
import type { MirrorPaths } from "./layout.ts";
import { notePace } from "./pace.ts";
import { addHeads, readReferences, removeReferences, writeReferences } from "./references.ts";
import { isShallow } from "./shallow.ts";
import { enforceSize, findFreeSpace, isDiskFault, measureMirror } from "./space.ts";
import { removeUnfinished } from "./unfinished.ts";

/** How the mirror itself fetches from the origin. */
export interface Remote {
  readonly url: string;
  /** Variables of git with a job's credentials. */
  readonly env: Readonly<Record<string, string>>;
}

/** What a mirror has fetched. */
export interface Fetched {
  readonly originBytes: number;
  /** Milliseconds; 0 when all was there. */
  readonly fetchMs: number;
}

interface Update {
  readonly root: string;
  readonly size: number;
  readonly request: Pick<FetchRequest, "wants" | "includesTags">;
  readonly tags: readonly Tag[] | undefined;
  readonly remote: Remote;
  /** The origin's, which `remote` is except for seeds. */
  readonly url: string;
  readonly signal: AbortSignal;
}

/** Fetches what the mirror lacks. The caller holds the lock. */
export async function bringUpToDate(
  paths: MirrorPaths,
  { root, size, request, tags, remote, url, signal }: Update,
): Promise<Fetched> {
  await prepare(paths, url);
  const known = await orDoubt(paths, readReferences(paths.repository));
  const asked = new Set([
    ...request.wants,
    ...(tags ?? []).flatMap(({ object, peeled }) => [object, peeled]),
  ]);
  const missing = await listMissing(paths, asked, signal);
  const isCut = await isShallow(paths.repository);
  const isLacking = isCut || request.wants.some((want) => missing.has(want));
  // A fetch that is needed anyway brings all tags. Otherwise only those matter whose commits clients may receive.
  const lacking = [
    ...request.wants.filter((want) => missing.has(want)),
    ...(tags ?? []).flatMap(({ object, peeled }) =>
      missing.has(object) && (isLacking || !missing.has(peeled)) ? [object] : [],
    ),
  ];
  let fetched = { originBytes: 0, fetchMs: 0 };
  if (lacking.length > 0 || isCut) {
    await makeRoom(root, size, paths);
    const objects = lacking.length > 0 ? lacking : request.wants;
    fetched = await fetchObjects(paths, { objects, isCut, remote, signal });
    // The disk of a seed is no measure of the origin.
    if (remote.url === url) await notePace(paths, { bytes: fetched.originBytes, ms: fetched.fetchMs });
    // The origin has dropped the commits where the history ends.
    if (isCut && (await isShallow(paths.repository))) {
      await removeReferences(paths.repository);
      throw new Error("the origin does not have its history any more, and the next job fills it anew");
    }
  }
  const here = (tags ?? []).filter(({ object }) => !missing.has(object) || lacking.includes(object));
  const current = tags === undefined ? known.tags : new Map(here.map((tag) => [tag.object, tag]));
  const isSame =
    current.size === known.tags.size && [...current.keys()].every((object) => known.tags.has(object));
  if (lacking.length > 0 || !isSame)
    await writeReferences(paths.repository, { heads: addHeads(known.heads, request.wants), tags: current });
  return fetched;
}

/** Creates the repository, and removes what a killed process has left. The caller holds the lock. */
export async function prepare(paths: MirrorPaths, url: string): Promise<void> {
  await orDoubt(paths, createRepository(paths, url));
}

/** A mirror whose own files fail is not used until it was checked. */
async function orDoubt<T>({ suspect }: MirrorPaths, work: Promise<T>): Promise<T> {
  return work.catch(async (error: unknown) => {
    if (!isDiskFault(error)) await touch(suspect);
    throw error;
  });
}

async function createRepository(paths: MirrorPaths, url: string): Promise<void> {
  const { repository } = paths;
  await makeDirectory(repository);
  await Promise.all(["info", "pack"].map((name) => makeDirectory(join(repository, "objects", name))));
  await mkdir(join(repository, "refs"), { recursive: true });
  if ((await stat(join(repository, "config")).catch(() => undefined)) === undefined) {
    await replaceFile(join(repository, "HEAD"), "ref: refs/heads/none\n");
    await replaceFile(paths.url, `${url}\n`);
    await replaceFile(join(repository, "config"), configuration);
  }
  await removeUnfinished(repository);
  await removeUnfinishedAnswers(paths.answers);
}

async function listMissing(
  { repository, suspect }: MirrorPaths,
  objects: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const { status, text, errors } = await runGit({
    directory: repository,
    words: ["cat-file", "--batch-check=%(objectname)"],
    input: `${[...objects].join("\n")}\n`,
    signal,
  });
  if (status !== 0) {
    if (!signal.aborted) await touch(suspect);
    throw new Error(`git cat-file: ${errors.trim()}`);
  }
  return new Set(text.split("\n").flatMap((line) => (line.endsWith(" missing") ? [line.slice(0, 40)] : [])));
}

interface Fetch extends Pick<Update, "remote" | "signal"> {
  readonly objects: readonly string[];
  /** The mirror lacks the beginning of the history, which is fetched, too. */
  readonly isCut: boolean;
}

/** Fetches objects with all their history, and writes no reference. */
async function fetchObjects(paths: MirrorPaths, { objects, isCut, remote, signal }: Fetch): Promise<Fetched> {
  const { url, env } = remote;
  const before = await measureMirror(paths);
  const startedAt = performance.now();
  const options = ["--no-tags", "--no-write-fetch-head", "--no-auto-gc", "--progress", "--stdin"];
  if (isCut) options.push("--unshallow");
  const { status, errors } = await runGit({
    directory: paths.repository,
    words: ["-c", "protocol.version=2", "fetch", ...options, url],
    input: `${objects.join("\n")}\n`,
    env,
    signal,
    silenceMs,
  });
  if (status !== 0) {
    await removeUnfinished(paths.repository);
    if (!signal.aborted && damage.test(errors)) await touch(paths.suspect);
    const last = errors
      .trim()
      .split(/[\r\n]/)
      .findLast((line) => /^(fatal|error|remote: error):/.test(line));
    throw new Error(
      `its fetch failed: ${last ?? (status > 128 ? "it was silent for too long" : `status ${status}`)}`,
    );
  }
  const fetchMs = performance.now() - startedAt;
  const originBytes = Math.max(0, (await measureMirror(paths)) - before);
  return { originBytes, fetchMs };
}

export async function makeRoom(root: string, size: number, own: MirrorPaths): Promise<void> {
  if ((await findFreeSpace(root)) > 0) return;
  await enforceSize(root, size / 2, own);
  if ((await findFreeSpace(root)) <= 0) throw new Error("its disk is full");
}

/** Packs only: they are the unit of sizes. Jobs' clients may ask for any object that the mirror has. */
const configuration = `[core]
	repositoryformatversion = 0
	bare = true
[fetch]
	unpackLimit = 1
[gc]
	auto = 0
[maintenance]
	auto = false
[uploadpack]
	allowFilter = true
	allowAnySHA1InWant = true
`;

/** What git says about its own objects, and not about the network. */
const damage =
  /corrupt|bad (object|tree|config)|missing (blob|tree|commit)|unable to read|unresolved|packed-refs|not a git/i;
const silenceMs = 60_000;
