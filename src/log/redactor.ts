import { createPatterns, type Patterns } from "./patterns.ts";

/** Takes the place of each value. */
export const mask = "[REDACTED]";

/** Values of fewer bytes are not masked: too much else would look like them. */
export const minSecretBytes = 6;

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
  /** One more value to mask, in all that is not yet decided. */
  add(value: string | Uint8Array): void;
  /** Masks put into the stream. */
  readonly count: number;
  /** Bytes of the stream that those masks stand for. */
  readonly redactedBytes: number;
}

/**
 * Masks all occurrences of all values. What overlaps becomes one `[REDACTED]`, what only touches becomes two. A value is also
 * found with its line ends turned into `\r\n` or `\n`; line ends behind it do not belong to it.
 */
export function createRedactor(secrets: Iterable<string | Uint8Array> = []): Redactor {
  const forms = new Map<string, Uint8Array>();
  for (const secret of secrets) addForms(forms, secret);
  let patterns = createPatterns([...forms.values()]);
  let held: Uint8Array = nothing;
  let scratch: Uint8Array = nothing;
  /** So many bytes of `held` are behind a mask that is already out. */
  let heldMasked = 0;
  let count = 0;
  let redactedBytes = 0;

  function take(data: Uint8Array, final: boolean): Uint8Array {
    const masked = maskIn(patterns, data, heldMasked, final);
    // A copy: the bytes belong to the caller, who may use them again.
    held = masked.decided < data.length ? new Uint8Array(data.subarray(masked.decided)) : nothing;
    heldMasked = masked.behindMask;
    count += masked.count;
    redactedBytes += masked.bytes;
    return masked.parts.length === 1 ? masked.parts[0]! : Buffer.concat(masked.parts);
  }

  function join(first: Uint8Array, second: Uint8Array): Uint8Array {
    const length = first.length + second.length;
    if (scratch.length < length) scratch = new Uint8Array(length * 2);
    scratch.set(first);
    scratch.set(second, first.length);
    return scratch.subarray(0, length);
  }

  return {
    push(bytes) {
      if (patterns.size === 0) return bytes;
      return take(held.length > 0 ? join(held, bytes) : bytes, false);
    },
    flush: () => (held.length > 0 ? take(held, true) : nothing),
    redactText(text) {
      if (patterns.size === 0) return text;
      const masked = maskIn(patterns, Buffer.from(text), 0, true);
      return masked.count > 0 ? Buffer.concat(masked.parts).toString() : text;
    },
    add(value) {
      addForms(forms, value);
      patterns = createPatterns([...forms.values()]);
    },
    get count() {
      return count;
    },
    get redactedBytes() {
      return redactedBytes;
    },
  };
}

const nothing = new Uint8Array(0);
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
  patterns.reset();
  for (let from = 0; ; from = patterns.start + 1) {
    const found = patterns.next(data, from, final);
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

function addForms(forms: Map<string, Uint8Array>, secret: string | Uint8Array): void {
  // One character a byte, so that text methods work on any bytes.
  const value = (typeof secret === "string" ? Buffer.from(secret) : Buffer.from(secret))
    .toString("latin1")
    .replace(/[\r\n]+$/, "");
  const plain = value.replaceAll("\r\n", "\n");
  for (const form of [value, plain, value.replaceAll("\n", "\r\n"), plain.replaceAll("\n", "\r\n")]) {
    if (form.length >= minSecretBytes) forms.set(form, Buffer.from(form, "latin1"));
  }
}
