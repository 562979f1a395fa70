import type { JobCommandMessage } from "../../core/contracts/job-command.ts";
import { AgentError } from "../../core/errors.ts";
import type { JobCalls } from "./job-calls.ts";
import { type JobOutcome, jobMessagesVersion, parseMessage } from "./messages.ts";

/**
 * Removes messages of the job from its output and executes them: `ESC _ signalman;1;<base64 of a message in
 * JSON> ESC \`. A job calls a command in this way where it has no socket, as in a container. A message that has an
 * `answer` is answered in a file of this name, and any other only by a line in the output when it is refused.
 */
export interface JobSequences {
  /**
   * Returns the bytes without complete sequences; the beginning of a sequence is held back. The result is
   * valid until the next call.
   */
  push(bytes: Uint8Array): Uint8Array;
  /** Whether nothing is held back. */
  readonly isIdle: boolean;
  /** Returns the bytes that were held back and are no sequence. Called at the end of each block. */
  flush(): Uint8Array;
}

/** Maximum length of a sequence in bytes. */
export const maxSequenceBytes = 8 * 1024;

/** Encodes a message as a terminal sequence. Throws `USAGE_INVALID` when it is too long. */
export function toJobSequence(message: JobCommandMessage & { readonly do: string }): string {
  const body = Buffer.from(JSON.stringify(message)).toString("base64");
  const sequence = `\x1b_signalman;${jobMessagesVersion};${body}\x1b\\`;
  if (sequence.length <= maxSequenceBytes) return sequence;
  throw new AgentError(
    "USAGE_INVALID",
    `the terminal sequence would be longer than ${maxSequenceBytes} bytes`,
  );
}

const opening = Buffer.from("\x1b_signalman;");
const escape = 0x1b;
const backslash = 0x5c;

export interface JobSequencesOptions {
  readonly calls: Pick<JobCalls, "call">;
  /** Adds a line to the job's log, for a message that is refused later. */
  readonly write: (line: string) => void;
  /** Puts the answer where the job finds it under this name. Returns the reason when it does not. */
  readonly answer: (name: string, outcome: JobOutcome) => string | undefined;
}

/** A message that is refused leaves a line `[signalman: …]` in the output. */
export function createJobSequences(options: JobSequencesOptions): JobSequences {
  /** The possible beginning of an opening, or a sequence that has begun. */
  let held: Buffer = nothing;
  /** Whether a sequence is too long and its rest is being dropped. */
  let isTooLong = false;
  let lastByte = newline;

  /** Splits `data`, which begins with the held bytes, into output and sequences. */
  function split(data: Buffer): Uint8Array {
    const parts: Uint8Array[] = [];
    let at = 0;
    while (at < data.length) {
      const start = isTooLong ? at : data.indexOf(opening, at);
      if (start < 0) break;
      if (!isTooLong) emit(parts, data.subarray(at, start));
      const body = isTooLong ? at : start + opening.length;
      const end = endOfBody(data, body);
      if (end === undefined) {
        hold(data.subarray(start));
        return join(parts);
      }
      const refusal =
        isTooLong || end - start > maxSequenceBytes
          ? `a message is longer than ${maxSequenceBytes} bytes`
          : execute(data.subarray(body, end), options);
      isTooLong = false;
      const isClosed = data[end] === escape && data[end + 1] === backslash;
      emitRefusal(parts, isClosed ? refusal : "a message is not closed");
      at = isClosed ? end + 2 : end;
    }
    const beginning = findBeginning(data, at);
    emit(parts, data.subarray(at, beginning));
    held = Buffer.from(data.subarray(beginning));
    return join(parts);
  }

  /**
   * Copies: the bytes belong to the caller. Of a sequence that is too long only the escape that may close it
   * is kept.
   */
  function hold(sequence: Buffer): void {
    isTooLong ||= sequence.length > maxSequenceBytes;
    held = Buffer.from(
      isTooLong && sequence.at(-1) === escape ? sequence.subarray(-1) : isTooLong ? nothing : sequence,
    );
  }

  function emit(parts: Uint8Array[], bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    parts.push(bytes);
    lastByte = bytes.at(-1)!;
  }

  function emitRefusal(parts: Uint8Array[], why: string | undefined): void {
    if (why === undefined) return;
    emit(parts, Buffer.from(`${lastByte === newline ? "" : "\n"}[signalman: ${why}]\n`));
  }

  return {
    get isIdle() {
      return held.length === 0 && !isTooLong;
    },
    push(bytes) {
      const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      if (held.length === 0 && !isTooLong) {
        if (data.indexOf(opening) < 0 && findBeginning(data, 0) === data.length) {
          lastByte = bytes.at(-1) ?? lastByte;
          return bytes;
        }
        return split(data);
      }
      return split(held.length === 0 ? data : Buffer.concat([held, data]));
    },
    flush() {
      const parts: Uint8Array[] = [];
      if (isTooLong || held.length >= opening.length) emitRefusal(parts, "a message is not closed");
      else emit(parts, held);
      held = nothing;
      isTooLong = false;
      lastByte = newline;
      return join(parts);
    },
  };
}

const nothing: Buffer = Buffer.alloc(0);
const newline = 0x0a;

/** Executes the message in the body of a sequence: `<version>;<base64>`. Returns why it is refused at once. */
function execute(body: Buffer, { calls, write, answer }: JobSequencesOptions): string | undefined {
  const [version = "", base64 = ""] = body.toString("latin1").split(";", 2);
  const message = parseMessage(Buffer.from(base64, "base64").toString(), { version: Number(version) });
  if (typeof message === "string") return message;
  const { answer: name } = message;
  if (name !== undefined && !isAnswerName(name))
    return "the name of an answer has 32 hexadecimal digits in lower case";
  let refusal: string | undefined;
  let report = (why: string | undefined): void => void (refusal = why);
  calls.call(message, (outcome) => {
    const why = outcome.isDone ? undefined : outcome.why;
    report(name === undefined ? why : answer(name, outcome));
  });
  report = (why) => {
    if (why !== undefined) write(`[signalman: ${why}]\n`);
  };
  return refusal;
}

function isAnswerName(name: unknown): boolean {
  return typeof name === "string" && /^[0-9a-f]{32}$/.test(name);
}

/**
 * Position of the first byte that does not belong to a body, of which more may follow when it is `undefined`.
 */
function endOfBody(data: Buffer, from: number): number | undefined {
  for (let at = from; at < data.length; at += 1) {
    const byte = data[at]!;
    if (isBodyByte[byte] === 1) continue;
    return byte === escape && at + 1 === data.length ? undefined : at;
  }
  return undefined;
}

/** Position at which the data ends with the beginning of an opening; the data's length when it does not. */
function findBeginning(data: Buffer, from: number): number {
  const start = data.lastIndexOf(escape);
  if (start < from || data.length - start >= opening.length) return data.length;
  const tail = data.subarray(start);
  return tail.equals(opening.subarray(0, tail.length)) ? start : data.length;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

const isBodyByte = new Uint8Array(256);
for (const character of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=;") {
  isBodyByte[character.charCodeAt(0)] = 1;
}
