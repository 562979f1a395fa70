import { rm, stat } from "node:fs/promises";
import type { Logger } from "signalman";
import { makeOwnDirectory } from "signalman/host";
import type { FetchRequest } from "../protocol/request.ts";
import type { Tag } from "../protocol/tags.ts";
import { type Answer, createAnswer, openReadyAnswer } from "./answers.ts";
import { touch } from "./files.ts";
import { type AnswerContext, createFill, type Fill } from "./fill.ts";
import type { FirstAnswer } from "./first-answer.ts";
import { type MirrorPaths, toMirrorPaths } from "./layout.ts";
import { waitForLock } from "./mirror-lock.ts";
import { keepSize } from "./mirror-size.ts";
import { estimateTransfer } from "./pace.ts";
import { hasReferences } from "./references.ts";
import { isDiskFault, removeMirror } from "./space.ts";
import { bringUpToDate, type Fetched } from "./update.ts";

/** An answer, and what it has cost. */
export interface MirrorAnswer extends Answer, Fetched {
  /** Estimated milliseconds in which the origin would send the answer; `undefined` when there is no estimate. */
  readonly originMs: number | undefined;
}

export interface MirrorOptions {
  readonly root: string;
  /** `git-mirrors-size`. */
  readonly size: number;
  readonly url: string;
  readonly logger: Logger;
}

/** The mirror of one repository, which processes of several jobs use at a time. */
export interface Mirror extends Pick<Fill, "stored" | "settled"> {
  /**
   * Answers a fetch, after the mirror has fetched what it lacks. Rejects with the reason when it cannot, and a damaged
   * mirror is not used until it was checked. `tags` are the annotated ones of the origin; `undefined` when the client
   * has not asked for them. An empty mirror has the origin answer, and takes the objects from that.
   */
  answer(request: FetchRequest, context: AnswerContext): Promise<MirrorAnswer | FirstAnswer>;
}

export function createMirror({ root, size, url, logger }: MirrorOptions): Mirror {
  const paths = toMirrorPaths(root, url);
  const fill = createFill({ root, size, url, paths, logger });
  return {
    stored: fill.stored,
    settled: fill.settled,
    async answer(request, context) {
      const { tags, remote, signal } = context;
      if (request.includesTags && tags === undefined) throw new Error("the client has not listed the tags");
      const key = toKey(request, tags ?? []);
      makeOwnDirectory(root);
      const findReady = async (): Promise<MirrorAnswer | undefined> => {
        const answer = key === undefined ? undefined : await openReadyAnswer(paths, key);
        if (answer === undefined) return undefined;
        await touch(paths.used);
        return {
          ...answer,
          originBytes: 0,
          fetchMs: 0,
          originMs: await estimateTransfer(paths, answer.bytes),
        };
      };
      const ready = await findReady();
      if (ready !== undefined) return ready;
      using locks = new DisposableStack();
      // Another job may make the same meanwhile.
      let made: MirrorAnswer | undefined;
      const lock = await waitForLock(paths, signal, async () => (made = await findReady()) === undefined);
      locks.use(lock);
      made ??= await findReady();
      if (made !== undefined) return made;
      if (lock === undefined) throw new Error("it is in use for too long");
      await assertUsable(root, paths);
      if (request.isWhole && key !== undefined && !(await hasReferences(paths.repository))) {
        const first = await fill.open(request, key, context, lock);
        locks.move();
        return first;
      }
      const fetched = await bringUpToDate(paths, { root, size, request, tags, remote, url, signal });
      try {
        const answer = await createAnswer(paths, { raw: request.raw, key }, signal);
        await touch(paths.used);
        await keepSize({ root, size, paths, logger });
        return { ...answer, ...fetched, originMs: await estimateTransfer(paths, answer.bytes) };
      } catch (error) {
        // The request may be at fault as well: the mirror rests until it was checked.
        if (!signal.aborted && !isDiskFault(error)) await touch(paths.suspect);
        throw error;
      }
    },
  };
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
