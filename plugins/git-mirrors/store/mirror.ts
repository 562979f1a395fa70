import { rm, stat } from "node:fs/promises";
import type { Logger } from "signalman";
import { makeOwnDirectory } from "signalman/host";
import type { FetchRequest } from "../protocol/request.ts";
import type { Tag } from "../protocol/tags.ts";
import { type Answer, createAnswer, openReadyAnswer, removeOldAnswers } from "./answers.ts";
import { touch } from "./files.ts";
import { type MirrorPaths, toMirrorPaths } from "./layout.ts";
import { waitForLock } from "./mirror-lock.ts";
import { enforceSize, isDiskFault, measureMirror, removeMirror } from "./space.ts";
import { bringUpToDate, type Fetched, type Remote } from "./update.ts";

/** An answer, and what it has cost. */
export interface MirrorAnswer extends Answer, Fetched {}

export interface MirrorOptions {
  readonly root: string;
  /** `git-mirrors-size`. */
  readonly size: number;
  readonly url: string;
  readonly logger: Logger;
}

/** The mirror of one repository, which processes of several jobs use at a time. */
export interface Mirror {
  /**
   * Answers a fetch, after the mirror has fetched what it lacks. Rejects with the reason when it cannot, and a damaged
   * mirror is not used until it was checked. `tags` are the annotated ones of the origin; `undefined` when the client
   * has not asked for them.
   */
  answer(
    request: FetchRequest,
    context: {
      readonly tags: readonly Tag[] | undefined;
      readonly remote: Remote;
      readonly signal: AbortSignal;
    },
  ): Promise<MirrorAnswer>;
}

export function createMirror({ root, size, url, logger }: MirrorOptions): Mirror {
  const paths = toMirrorPaths(root, url);
  return {
    async answer(request, { tags, remote, signal }) {
      if (request.includesTags && tags === undefined) throw new Error("the client has not listed the tags");
      const key = toKey(request, tags ?? []);
      makeOwnDirectory(root);
      const findReady = async (): Promise<MirrorAnswer | undefined> => {
        const answer = key === undefined ? undefined : await openReadyAnswer(paths, key);
        if (answer === undefined) return undefined;
        await touch(paths.used);
        return { ...answer, originBytes: 0, fetchMs: 0 };
      };
      const ready = await findReady();
      if (ready !== undefined) return ready;
      using lock = await waitForLock(paths, signal);
      if (lock === undefined) throw new Error("it is in use for too long");
      // Another job may have waited for the same, and made it.
      const made = await findReady();
      if (made !== undefined) return made;
      await assertUsable(root, paths);
      const fetched = await bringUpToDate(paths, { root, size, request, tags, remote, url, signal });
      try {
        const answer = await createAnswer(paths, { raw: request.raw, key }, signal);
        await touch(paths.used);
        await keepSize({ root, size, paths, logger });
        return { ...answer, ...fetched };
      } catch (error) {
        // The request may be at fault as well: the mirror rests until it was checked.
        if (!signal.aborted && !isDiskFault(error)) await touch(paths.suspect);
        throw error;
      }
    },
  };
}

/** A mirror that is larger than all may be is removed, and not fetched again for a day. */
async function keepSize({
  root,
  size,
  paths,
  logger,
}: {
  root: string;
  size: number;
  paths: MirrorPaths;
  logger: Logger;
}): Promise<void> {
  if ((await enforceSize(root, size, paths)) <= size) return;
  await removeOldAnswers(paths.answers, 0);
  const bytes = await measureMirror(paths);
  if (bytes <= size) return;
  logger.warn(`the mirror ${paths.name} has ${bytes} bytes, more than git-mirrors-size: it was removed`);
  await rm(paths.repository, { recursive: true, force: true });
  await touch(paths.tooLarge);
}

async function assertUsable(root: string, paths: MirrorPaths): Promise<void> {
  const { suspect, tooLarge } = paths;
  const doubt = await stat(suspect).catch(() => undefined);
  // The agent checks it when no job runs. One that is always busy fetches it anew.
  if (doubt !== undefined && Date.now() - doubt.mtimeMs < checkMs)
    throw new Error("the mirror has failed, and is checked first");
  if (doubt !== undefined) {
    await removeMirror(root, paths);
    throw new Error("the mirror has failed, and is fetched anew by the next job");
  }
  const mark = await stat(tooLarge).catch(() => undefined);
  if (mark === undefined) return;
  if (Date.now() - mark.mtimeMs < dayMs) throw new Error("the repository is larger than git-mirrors-size");
  await rm(tooLarge, { force: true });
}

function toKey({ key, includesTags }: FetchRequest, tags: readonly Tag[]): string | undefined {
  if (key === undefined || !includesTags) return key;
  const sum = new Bun.CryptoHasher("sha256").update(key);
  for (const { object } of tags) sum.update(object);
  return sum.digest("hex");
}

const checkMs = 600_000;
const dayMs = 86_400_000;
