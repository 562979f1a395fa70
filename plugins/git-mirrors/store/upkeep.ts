import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { kill } from "node:process";
import { type AgentStatus, type Logger, toMessage, toSize } from "signalman";
import type { MirrorsConfig } from "../config.ts";
import { runGit } from "./git.ts";
import { toRoot } from "./layout.ts";
import { tryLock } from "./mirror-lock.ts";
import { isShallow } from "./shallow.ts";
import { enforceSize, listMirrors, removeMirror, removeTrash, type StoredMirror } from "./space.ts";

/** Checks, packs and removes mirrors while no job runs. */
export interface Upkeep extends AsyncDisposable {
  /** A job has started: ends what is being done. */
  pause(): void;
  /** A job has ended. */
  wake(): void;
}

export interface UpkeepOptions {
  readonly config: MirrorsConfig;
  readonly status: () => AgentStatus;
  /** Returns what the mirrors have done, for the same line. */
  readonly describeUse: () => string;
  /** Receives the line for the agent's status. */
  readonly show: (text: string) => void;
  readonly logger: Logger;
  /** Milliseconds without a job before the work begins. */
  readonly idleMs?: number;
}

export function startUpkeep({
  config,
  status,
  describeUse,
  show,
  logger,
  idleMs = 30_000,
}: UpkeepOptions): Upkeep {
  const root = toRoot(config.path, status().stateDirectory);
  let work = new AbortController();
  let running: Promise<void> = Promise.resolve();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const isIdle = (): boolean => status().slots.every(({ job }) => job === undefined);
  const run = async (): Promise<void> => {
    if (!isIdle()) return;
    work = new AbortController();
    try {
      await tendMirrors(root, config.size, logger, work.signal);
    } catch (error) {
      if (!work.signal.aborted)
        logger.warn(`maintenance of the git mirrors in "${root}" failed: ${toMessage(error)}`);
    }
    await report();
  };
  const report = async (): Promise<void> => {
    const mirrors = await listMirrors(root);
    const bytes = mirrors.reduce((sum, each) => sum + each.bytes, 0);
    const count = mirrors.length === 1 ? "1 mirror" : `${mirrors.length} mirrors`;
    show(`${count}, ${toSize(bytes)} of ${toSize(config.size)}, ${describeUse()}`);
  };
  const schedule = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void (running = running.then(run)), ms);
    timer.unref();
  };
  void Promise.all([report(), removeOldKeys(root)]).catch(() => {});
  schedule(idleMs);
  return {
    pause: () => work.abort(),
    wake() {
      void Promise.all([report(), removeOldKeys(root)]).catch(() => {});
      schedule(idleMs);
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(timer);
      work.abort();
      await running;
    },
  };
}

/** Does all of the work that is due. What is left after `signal` has aborted is done the next time. */
export async function tendMirrors(
  root: string,
  size: number,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  await removeTrash(root);
  for (const mirror of await listMirrors(root)) {
    if (signal.aborted) return;
    await tendMirror(root, mirror, logger, signal).catch((error: unknown) => {
      if (!signal.aborted) logger.warn(`the mirror of ${mirror.url} is not kept well: ${toMessage(error)}`);
    });
  }
  await enforceSize(root, size);
}

async function tendMirror(
  root: string,
  mirror: StoredMirror,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  using lock = await tryLock(mirror.paths);
  if (lock === undefined) return;
  if (await isDamaged(mirror, signal)) {
    logger.warn(`the mirror of ${mirror.url} is damaged and was removed`);
    await removeMirror(root, mirror.paths);
  } else await repack(mirror, signal);
}

/** Checks a mirror that has failed: every object, which takes its time. */
async function isDamaged({ paths }: StoredMirror, signal: AbortSignal): Promise<boolean> {
  if ((await stat(paths.suspect).catch(() => undefined)) === undefined) return false;
  const words = ["fsck", "--full", "--no-dangling", "--no-progress"];
  // Where git cannot even be started, there is no repository.
  const { status } = await runGit({ directory: paths.repository, words, signal }).catch(() => ({
    status: 1,
  }));
  signal.throwIfAborted();
  if (status === 0) await rm(paths.suspect, { force: true });
  return status !== 0;
}

/** Joins the packs of many fetches, and removes what no branch has any more. */
async function repack({ paths }: StoredMirror, signal: AbortSignal): Promise<void> {
  // A bitmap of it would be wrong once the rest of the history is there.
  if (await isShallow(paths.repository)) return;
  const packs = await readdir(join(paths.repository, "objects", "pack")).catch(() => []);
  if (packs.filter((name) => name.endsWith(".pack")).length <= mostPacks) return;
  const words = ["repack", "-a", "-d", "-q", "--write-bitmap-index"];
  const { status, errors } = await runGit({ directory: paths.repository, words, signal });
  signal.throwIfAborted();
  if (status !== 0) throw new Error(`git repack in ${paths.name}: ${errors.trim().split("\n").at(-1)}`);
}

/** Removes the keys of jobs whose process was killed. */
async function removeOldKeys(root: string): Promise<void> {
  for (const name of await readdir(root).catch(() => [])) {
    const pid = /^\.keys-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !isRunning(Number(pid)))
      await rm(join(root, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    return kill(pid, 0);
  } catch {
    return false;
  }
}

const mostPacks = 10;
