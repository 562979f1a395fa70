import { type Logger, toMessage } from "signalman";
import type { FetchRequest } from "../protocol/request.ts";
import type { Tag } from "../protocol/tags.ts";
import { keepAnswer } from "./answers.ts";
import { touch } from "./files.ts";
import { type FirstAnswer, openFirstAnswer } from "./first-answer.ts";
import type { MirrorPaths } from "./layout.ts";
import { keepSize, removeOutgrown } from "./mirror-size.ts";
import { notePace } from "./pace.ts";
import { hasReferences, writeReferences } from "./references.ts";
import { bringUpToDate, makeRoom, prepare, type Remote } from "./update.ts";

export interface AnswerContext {
  readonly tags: readonly Tag[] | undefined;
  readonly remote: Remote;
  readonly signal: AbortSignal;
  /** The mirror has fetched, after a first answer, what its client did not want. */
  filled(originBytes: number): void;
}

/** Fills an empty mirror while its first client clones from the origin. */
export interface Fill {
  /** The caller's lock is released when the mirror is filled, or is not. */
  open(request: FetchRequest, key: string, context: AnswerContext, lock: Disposable): Promise<FirstAnswer>;
  /** Resolves when the mirror has stored the first answer, or does not. */
  stored(): Promise<void>;
  /** Resolves when the mirror also has the rest of the history, or its fetch has ended. */
  settled(): Promise<void>;
}

export interface FillOptions {
  readonly root: string;
  readonly size: number;
  readonly url: string;
  readonly paths: MirrorPaths;
  readonly logger: Logger;
}

export function createFill({ root, size, url, paths, logger }: FillOptions): Fill {
  let storing: Promise<void> = Promise.resolve();
  let filling: Promise<void> = Promise.resolve();
  /** Fetches the history that the first client did not want, and the tags. When it fails, the next fetch does. */
  const complete = async (request: FetchRequest, context: AnswerContext): Promise<void> => {
    try {
      const { originBytes } = await bringUpToDate(paths, { root, size, request, url, ...context });
      context.filled(originBytes);
      await keepSize({ root, size, paths, logger });
    } catch (error) {
      if (!context.signal.aborted) logger.info(`the mirror of ${url} is not complete: ${toMessage(error)}`);
    }
  };
  const open: Fill["open"] = async (request, key, context, lock) => {
    await prepare(paths, url);
    await makeRoom(root, size, paths);
    const stored = Promise.withResolvers<void>();
    const filled = Promise.withResolvers<void>();
    const first = await openFirstAnswer(paths, {
      size,
      signal: context.signal,
      async keep(path, { sum, bytes, durationMs }) {
        await writeReferences(paths.repository, { heads: new Set(request.wants), tags: new Map() });
        await keepAnswer(paths.answers, path, `${key}.${sum}`);
        await touch(paths.used);
        await notePace(paths, { bytes, ms: durationMs });
        await keepSize({ root, size, paths, logger });
      },
      outgrown: () => removeOutgrown(paths, size, logger),
      release(fault) {
        stored.resolve();
        if (fault !== undefined && !context.signal.aborted)
          logger.info(`the mirror of ${url} was not filled: ${fault}`);
        void (async () => {
          using _ = lock;
          if (fault === undefined && (await hasReferences(paths.repository)))
            await complete(request, context);
        })()
          .catch(() => {})
          .finally(filled.resolve);
      },
    });
    storing = stored.promise;
    filling = filled.promise;
    return first;
  };
  return { open, stored: () => storing, settled: () => filling };
}
