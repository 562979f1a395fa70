import { toForms } from "./encodings.ts";
import { createPatterns, type Patterns, type PatternsOptions } from "./patterns.ts";
import { tokenShapes } from "./shapes.ts";

/** Takes the place of each value. */
export const mask = "[REDACTED]";

/** Masks values in a stream of bytes, whatever its cutting, and in single texts. */
export interface Redactor {
  /**
   * Takes what comes next, and returns what is decided: `bytes` itself when there is nothing to mask or to hold. What it
   * returns is good until the next call.
   */
  push(bytes: Uint8Array): Uint8Array;
  /** Returns what was held as the possible beginning of a value. The stream begins anew. */
  flush(): Uint8Array;
  /** Masks a text that stands for itself; the stream does not know of it. */
  redactText(text: string): string;
  /** More values to mask, in all that is not yet decided. */
  add(values: Iterable<string | Uint8Array>): void;
  /** Masks put into the stream. */
  readonly count: number;
  /** Bytes of the stream that those masks stand for. */
  readonly redactedBytes: number;
}

export interface RedactorOptions extends PatternsOptions {
  /** Also what looks like a token of a known kind (`redacted-shapes`). */
  readonly shapes?: boolean;
}

/**
 * Masks all occurrences of all values, in each of their encodings. What overlaps becomes one `[REDACTED]`, what only touches becomes two; line ends behind
 * a value do not belong to it.
 */
export function createRedactor(
  secrets: Iterable<string | Uint8Array> = [],
  options: RedactorOptions = {},
): Redactor {
  const forms = new Map<string, Uint8Array>();
  const shapes = options.shapes ? tokenShapes() : [];
  /** Made when there is something to look at: many values may come one by one. */
  let made: Patterns | undefined;
  let held: Uint8Array = nothing;
  let scratch: Uint8Array = nothing;
  /** So many bytes of `held` are behind a mask that is already out. */
  let heldMasked = 0;
  let count = 0;
  let redactedBytes = 0;

  function add(values: Iterable<string | Uint8Array>): void {
    for (const value of values) {
      for (const form of toForms(value)) forms.set(Buffer.from(form).toString("latin1"), form);
    }
    made = undefined;
  }

  function patterns(): Patterns {
    return (made ??= createPatterns([...forms.values()], shapes, options));
  }

  function take(data: Uint8Array, final: boolean): Uint8Array {
    const masked = maskIn(patterns(), data, heldMasked, final);
    // A copy: the bytes belong to the caller, who may use them again.
    held = masked.decided < data.length ? new Uint8Array(data.subarray(masked.decided)) : nothing;
    heldMasked = masked.behindMask;
    count += masked.count;
    redactedBytes += masked.bytes;
    return masked.parts.length === 1 ? masked.parts[0]! : Buffer.concat(masked.parts);
  }

  function join(first: Uint8Array, second: Uint8Array): Uint8Array {
    // Processors copy slowly to a place that is just behind the source's one in its page, where most sources would be.
    const at =
      Math.ceil(first.length / pageBytes) * pageBytes + ((second.byteOffset + pageBytes / 2) % pageBytes);
    const end = at + second.length;
    if (scratch.length < end) scratch = new Uint8Array(end * 2);
    scratch.set(first, at - first.length);
    scratch.set(second, at);
    return scratch.subarray(at - first.length, end);
  }

  add(secrets);
  return {
    push(bytes) {
      if (patterns().size === 0) return bytes;
      return take(held.length > 0 ? join(held, bytes) : bytes, false);
    },
    flush: () => (held.length > 0 ? take(held, true) : nothing),
    redactText(text) {
      if (patterns().size === 0) return text;
      const masked = maskIn(patterns(), Buffer.from(text), 0, true);
      return masked.count > 0 ? Buffer.concat(masked.parts).toString() : text;
    },
    add,
    get count() {
      return count;
    },
    get redactedBytes() {
      return redactedBytes;
    },
  };
}

const nothing = new Uint8Array(0);
const pageBytes = 4096;
const maskBytes = Buffer.from(mask);

interface Masked {
  readonly parts: readonly Uint8Array[];
  /** From here on, `data` may be the beginning of a value. */
  readonly decided: number;
  /** So many bytes from `decided` on are behind a mask in `parts`. */
  readonly behindMask: number;
  readonly count: number;
  readonly bytes: number;
}

function maskIn(patterns: Patterns, data: Uint8Array, behindMask: number, final: boolean): Masked {
  const parts: Uint8Array[] = [];
  /** All before it is in `parts` or behind a mask. */
  let done = behindMask;
  let decided = data.length;
  let count = 0;
  let bytes = 0;
  patterns.begin(data, final);
  for (let from = 0; ; from = patterns.start + 1) {
    const found = patterns.next(from);
    if (found === "beginning") decided = patterns.start;
    if (found !== "match") break;
    const { start, end } = patterns;
    if (start >= done) {
      if (start > done) parts.push(data.subarray(done, start));
      parts.push(maskBytes);
      count += 1;
    }
    bytes += Math.max(0, end - Math.max(start, done));
    done = Math.max(done, end);
  }
  if (decided > done) parts.push(done > 0 || decided < data.length ? data.subarray(done, decided) : data);
  return { parts, decided, behindMask: Math.max(0, done - decided), count, bytes };
}
