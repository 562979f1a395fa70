import { type Logger, toMessage, waitAtMost } from "signalman";
import type { PacketReader, Packet } from "./packets.ts";
import type { Answer } from "../store/answers.ts";
import type { FirstAnswer } from "../store/first-answer.ts";
import type { Mirror, MirrorAnswer } from "../store/mirror.ts";
import type { Remote } from "../store/update.ts";
import type { MirrorUses } from "../job/uses.ts";
import { type FetchRequest, listsTags, type Request, toFetch } from "./request.ts";
import { parseTags, type Tag } from "./tags.ts";

export interface UploadOptions {
  readonly mirror: Mirror;
  readonly remote: Remote;
  readonly uses: MirrorUses;
  readonly logger: Logger;
  /** Milliseconds that a client waits for the mirror. */
  readonly waitMs: number;
  /** Aborts at the end of the job. */
  readonly signal: AbortSignal;
}

/** The requests of clients to whom the origin has answered with one set of credentials. */
export interface Upload {
  /** Takes note of the origin's answer to an `ls-refs`. */
  listed(request: Request, answer: readonly Packet[]): void;
  /** Whether the answer to the request has to be passed to `listed`. */
  isListing(request: Request): boolean;
  /**
   * Answers from the mirror. Resolves to `undefined` when the origin has to answer, or to what takes the origin's
   * answer for an empty mirror. Never rejects.
   */
  answer(request: Request): Promise<ReadyUpload | FirstUpload | undefined>;
}

/** The answer of the mirror. */
export interface ReadyUpload extends Answer {
  /** The client has all of it. */
  sent(): void;
}

/** The answer of the origin to the first client of a mirror. */
export interface FirstUpload extends AsyncDisposable {
  /** Passes the origin's answer on. */
  take(packets: PacketReader): AsyncGenerator<Buffer, void>;
}

export function createUpload({ mirror, remote, uses, logger, waitMs, signal }: UploadOptions): Upload {
  let tags: readonly Tag[] | undefined;
  const ask = async (request: FetchRequest): Promise<MirrorAnswer | FirstAnswer> => {
    const wait = new AbortController();
    let isLate = false;
    const work = mirror.answer(request, {
      tags,
      remote,
      signal: AbortSignal.any([signal, wait.signal]),
      filled: (bytes) => uses.filled(bytes),
    });
    // What comes too late for this client is there for the next one.
    const late = work.then(
      (answer) => (isLate ? close(answer) : undefined),
      () => {},
    );
    if (await waitAtMost(late, waitMs)) return work;
    isLate = true;
    setTimeout(() => wait.abort(), mostBackgroundMs).unref();
    throw new Error(`it was not ready within ${waitMs / 1000} s`);
  };
  return {
    isListing: (request) => request.command === "ls-refs" && listsTags(request),
    listed: (request, answer) => void (tags = listsTags(request) ? parseTags(answer) : tags),
    async answer(request) {
      const fetch = toFetch(request);
      if (fetch === undefined) {
        if (request.command === "fetch")
          uses.passed("git asks for something that only the origin can answer");
        return undefined;
      }
      const startedAt = performance.now();
      try {
        const answer = await ask(fetch);
        if ("take" in answer) return toFirstUpload(answer, uses);
        uses.served(answer);
        const { file, bytes, originMs = 0 } = answer;
        const sent = (): void => uses.saved(Math.max(0, originMs - (performance.now() - startedAt)));
        return { file, bytes, sent };
      } catch (error) {
        if (!signal.aborted) logger.info(`the origin answers instead of the mirror: ${toMessage(error)}`);
        uses.passed(toMessage(error));
        return undefined;
      }
    },
  };
}

async function close(answer: MirrorAnswer | FirstAnswer): Promise<void> {
  await ("take" in answer ? answer[Symbol.asyncDispose]() : answer.file.close());
}

function toFirstUpload(
  answer: FirstAnswer,
  uses: Pick<MirrorUses, "served" | "passed" | "failed">,
): FirstUpload {
  const observer = {
    arrived: (bytes: number, fetchMs: number) => uses.served({ bytes, originBytes: bytes, fetchMs }),
    passed: (reason: string) => uses.passed(reason),
    failed: (reason: string) => uses.failed(reason),
  };
  return {
    take: (packets) => answer.take(packets, observer),
    [Symbol.asyncDispose]: () => answer[Symbol.asyncDispose](),
  };
}

const mostBackgroundMs = 3_600_000;
