import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { toMessage, waitAtMost } from "signalman";
import type { Packet, PacketReader } from "../protocol/packets.ts";
import { isPackData } from "../protocol/pack.ts";
import { createFile, makeDirectory } from "./files.ts";
import { createGrowingFile, type GrowingFile } from "./growing-file.ts";
import { indexAnswer } from "./index-answer.ts";
import type { MirrorPaths } from "./layout.ts";

/**
 * The answer to the first client of a mirror. The origin gives it, the client has it as it arrives, and it fills the
 * mirror at the same time, whatever the client's pace is.
 */
export interface FirstAnswer extends AsyncDisposable {
  /** Takes the origin's answer to the client's request, and returns it for the client. */
  take(packets: PacketReader, observer: AnswerObserver): AsyncGenerator<Buffer, void>;
}

export interface AnswerObserver {
  /** The whole answer has arrived. */
  arrived(bytes: number, durationMs: number): void;
  /** The client has the answer of the origin, and the mirror has not. */
  passed(reason: string): void;
  /** The client has a part of the answer only: its clone fails. */
  failed(reason: string): void;
}

export interface FirstAnswerOptions {
  /** Maximum bytes of the answer. */
  readonly size: number;
  readonly signal: AbortSignal;
  /** Keeps the file of a whole answer, whose objects are in the mirror. */
  readonly keep: (path: string, answer: WholeAnswer) => Promise<void>;
  /** The answer has more bytes than `size`. */
  readonly outgrown: () => Promise<void>;
  /** Called once, when nothing more is written to the mirror; with the reason when the answer was not kept. */
  readonly release: (fault?: string) => void;
  /** Milliseconds of silence after which an origin keeps no other job waiting. */
  readonly silenceMs?: number;
}

export interface WholeAnswer {
  /** Checksum and length. */
  readonly sum: string;
  readonly bytes: number;
  readonly durationMs: number;
}

/** The rest of an answer that the mirror does not keep. */
interface Rest {
  readonly next: Promise<Packet | undefined>;
  readonly reason: string;
}

/** The caller holds the lock until `release`. */
export async function openFirstAnswer(
  paths: MirrorPaths,
  { size, signal, keep, outgrown, release, silenceMs = defaultSilenceMs }: FirstAnswerOptions,
): Promise<FirstAnswer> {
  await makeDirectory(paths.answers);
  const path = join(paths.answers, `new-${randomBytes(8).toString("hex")}`);
  const file = await createFile(path);
  const growing = createGrowingFile(file);
  const discard = async (fault: string): Promise<void> => {
    await rm(path, { force: true }).catch(() => {});
    release(fault);
  };
  const fill = async (copying: Promise<WholeAnswer | Rest>): Promise<void> => {
    const given = new AbortController();
    const indexing = indexAnswer(paths, growing.follow(), AbortSignal.any([signal, given.signal]));
    // It can fail while the answer still arrives.
    indexing.catch(() => {});
    try {
      const copied = await copying;
      if ("next" in copied) throw new Error(copied.reason);
      await indexing;
      await keep(path, copied);
      release();
    } catch (error) {
      given.abort();
      await indexing.catch(() => {});
      await discard(toMessage(error));
    }
  };
  let settled: Promise<void> | undefined;
  const silence = `it was silent for ${silenceMs / 1000} s`;
  const timer = setTimeout(() => (settled ??= discard(silence)), silenceMs);
  return {
    async *take(packets, observer) {
      clearTimeout(timer);
      if (settled !== undefined) {
        observer.passed(silence);
        return yield* passOn(packets.next(), packets);
      }
      const copying = copyAnswer(packets, growing, { observer, size, outgrown, silenceMs });
      settled = fill(copying);
      yield* growing.follow();
      const copied = await copying;
      if ("next" in copied) yield* passOn(copied.next, packets);
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(timer);
      await (settled ??= discard("the origin has not answered"));
      await file.close();
    },
  };
}

interface CopyOptions extends Required<Pick<FirstAnswerOptions, "size" | "outgrown" | "silenceMs">> {
  readonly observer: AnswerObserver;
}

/** Copies an answer to a file, at the pace of the origin. */
async function copyAnswer(
  packets: PacketReader,
  growing: GrowingFile,
  { observer, size, outgrown, silenceMs }: CopyOptions,
): Promise<WholeAnswer | Rest> {
  const startedAt = performance.now();
  const leave = (next: Rest["next"], reason: string): Rest => {
    observer.passed(reason);
    growing.end();
    return { next, reason };
  };
  try {
    let [sum, bytes, hasPack] = [0, 0, false];
    for (;;) {
      const next = packets.next();
      if (!(await waitAtMost(next, silenceMs))) {
        const reason = `it was silent for ${silenceMs / 1000} s`;
        // A server may take its time before the pack. Later the connection is dead, and git would wait for ever.
        if (hasPack) throw new Error(`${reason} in the middle of its answer`);
        return leave(next, reason);
      }
      const packet = await next;
      if (packet === undefined) return leave(next, "its answer was not complete");
      bytes += packet.raw.length;
      if (bytes > size) await outgrown().catch(() => {});
      if (bytes > size) return leave(next, "the repository is larger than git-mirrors-size");
      const fault = await growing.write(packet.raw).then(() => undefined, toMessage);
      if (fault !== undefined) return leave(next, `the mirror cannot be written: ${fault}`);
      sum = crc32(packet.raw, sum);
      hasPack ||= isPackData(packet);
      if (packet.kind !== "flush") continue;
      const durationMs = performance.now() - startedAt;
      observer.arrived(bytes, durationMs);
      growing.end();
      return { sum: `${sum.toString(16).padStart(8, "0")}-${bytes}`, bytes, durationMs };
    }
  } catch (error) {
    observer.failed(toMessage(error));
    growing.end(error as Error);
    throw error;
  }
}

async function* passOn(next: Rest["next"], packets: PacketReader): AsyncGenerator<Buffer, void> {
  for (let packet = await next; packet !== undefined; packet = await packets.next()) {
    yield packet.raw;
    if (packet.kind === "flush") return;
  }
}

const defaultSilenceMs = 60_000;
