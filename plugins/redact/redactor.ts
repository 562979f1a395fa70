import {
  type ColourlessText,
  countWhile,
  createColourSearch,
  type Range,
  withoutColours,
} from "./colours.ts";
import { toForms, toLines } from "./encodings.ts";
import { createPatterns, type Patterns, type PatternsOptions } from "./patterns.ts";
import { longestToken, type Shape, tokenShapes } from "./shapes.ts";

/** Replaces each value. */
export const mask = "[REDACTED]";

/** Masks values in a stream of bytes, wherever it is cut, and in single texts. */
export interface Redactor {
  /**
   * Takes the next bytes and returns those that are decided: `bytes` itself when there is nothing to mask or
   * to hold back. The result is valid until the next call.
   */
  push(bytes: Uint8Array): Uint8Array;
  /** Returns the bytes that were held back as the possible beginning of a value. The next byte starts a new stream. */
  flush(): Uint8Array;
  /** Number of bytes that are held back. */
  heldBytes(): number;
  /** Masks a complete text, independently of the stream. */
  redactText(text: string): string;
  /** Adds values to mask in all bytes that are not yet decided. */
  add(values: Iterable<string | Uint8Array>): void;
  /** Number of masks in the stream. */
  readonly count: number;
  /** Bytes of the stream that the masks replaced. */
  readonly redactedBytes: number;
}

export interface RedactorOptions extends PatternsOptions {
  /** Whether tokens of known formats are masked as well (`redacted-shapes`). */
  readonly shapes?: boolean;
}

/**
 * Creates a redactor that masks all occurrences of all values, in each of their encodings. Overlapping values
 * become one `[REDACTED]`, adjacent ones become two; line ends after a value do not belong to it. The lines
 * of a value are values as well. Colours within a value remain, behind its mask.
 */
export function createRedactor(
  secrets: Iterable<string | Uint8Array> = [],
  options: RedactorOptions = {},
): Redactor {
  const forms = new Map<string, Uint8Array>();
  /** Values that are not in `forms` yet. */
  let added: Buffer[] = [];
  /** Created when there is output to search, since many values may be added one by one. */
  let made: Search | undefined;
  let spareLines = mostEncodedLines;
  let held: Uint8Array = nothing;
  let scratch: Uint8Array = nothing;
  /** Number of bytes of `held` that an emitted mask already covers. */
  let heldMasked = 0;
  let count = 0;
  let redactedBytes = 0;

  function add(values: Iterable<string | Uint8Array>): void {
    for (const value of values) added.push(Buffer.from(value as string));
    made = undefined;
  }

  function addForms(): void {
    const put = (form: Uint8Array) => forms.set(Buffer.from(form).toString("latin1"), form);
    for (const value of added) {
      const lines = toLines(value);
      for (const each of [value, ...lines.slice(0, spareLines)]) toForms(each).forEach(put);
      lines.slice(spareLines).forEach(put);
      spareLines = Math.max(0, spareLines - lines.length);
    }
    added = [];
  }

  function search(): Search {
    if (made === undefined) {
      addForms();
      made = createSearch([...forms.values()], options.shapes ? tokenShapes() : [], options);
    }
    return made;
  }

  function take(data: Uint8Array, final: boolean): Uint8Array {
    const masked = maskIn(search(), data, heldMasked, final);
    // A copy: the bytes belong to the caller, who may use them again.
    held = masked.decided < data.length ? new Uint8Array(data.subarray(masked.decided)) : nothing;
    heldMasked = masked.behindMask;
    count += masked.count;
    redactedBytes += masked.bytes;
    return masked.parts.length === 1 ? masked.parts[0]! : Buffer.concat(masked.parts);
  }

  function join(first: Uint8Array, second: Uint8Array): Uint8Array {
    // Copies are slow when the target is just after the source modulo the page size, so the target is placed
    // half a page away.
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
      if (search().patterns.size === 0) return bytes;
      return take(held.length > 0 ? join(held, bytes) : bytes, false);
    },
    flush: () => (held.length > 0 ? take(held, true) : nothing),
    redactText(text) {
      if (search().patterns.size === 0) return text;
      const masked = maskIn(search(), Buffer.from(text), 0, true);
      return masked.count > 0 ? Buffer.concat(masked.parts).toString() : text;
    },
    add,
    heldBytes: () => held.length,
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
/**
 * Lines of values whose encodings are masked too; of further ones only the line itself. A job can add 65,000
 * lines.
 */
const mostEncodedLines = 4096;
/** Maximum size of what is held back because of a value with colours in it, besides the longest value. */
const mostColourBytes = 64 * 1024;

interface Search {
  readonly patterns: Patterns;
  readonly findColours: (data: Uint8Array) => number;
  /** Maximum size of a value or token. */
  readonly longest: number;
}

function createSearch(
  forms: readonly Uint8Array[],
  shapes: readonly Shape[],
  options: PatternsOptions,
): Search {
  return {
    patterns: createPatterns(forms, shapes, options),
    findColours: createColourSearch(forms, shapes),
    longest: forms.reduce((longest, { length }) => Math.max(longest, length), longestToken(shapes)),
  };
}

interface Masked {
  readonly parts: readonly Uint8Array[];
  /** Position from which `data` may be the beginning of a value. */
  readonly decided: number;
  /** Number of bytes from `decided` on that a mask in `parts` covers. */
  readonly behindMask: number;
  readonly count: number;
  readonly bytes: number;
}

function maskIn(search: Search, data: Uint8Array, behindMask: number, final: boolean): Masked {
  const plain = findRanges(search.patterns, data, final);
  const colours = search.findColours(data);
  // No value that begins earlier reaches the first colours.
  const colourless = colours < 0 ? undefined : withoutColours(data, Math.max(0, colours - search.longest));
  const found = colourless ? mergeRanges(plain, findWithoutColours(search, data, colourless, final)) : plain;
  // A value may itself contain what looks like a colour.
  const isKept = ({ start, end }: Range) => {
    const around = plain.ranges[countWhile(plain.ranges, (range) => range.start <= start) - 1];
    return around === undefined || end > around.end;
  };
  const { decided } = found;
  const parts: Uint8Array[] = [];
  /** Everything before it is in `parts` or masked. */
  let done = behindMask;
  let count = 0;
  let bytes = 0;
  for (const { start, end } of found.ranges) {
    if (start >= decided) break;
    if (start >= done) {
      if (start > done) parts.push(data.subarray(done, start));
      parts.push(maskBytes);
      count += 1;
    }
    const from = Math.max(start, done);
    bytes += Math.max(0, end - from);
    for (const colour of colourless?.sequencesIn(from, end).filter(isKept) ?? []) {
      parts.push(data.subarray(colour.start, colour.end));
      bytes -= colour.end - colour.start;
    }
    done = Math.max(done, end);
  }
  if (decided > done) parts.push(done > 0 || decided < data.length ? data.subarray(done, decided) : data);
  return { parts, decided, behindMask: Math.max(0, done - decided), count, bytes };
}

interface Found {
  /** In ascending order; overlapping ones are one. */
  readonly ranges: readonly Range[];
  /** Position from which the data may be the beginning of a value. */
  readonly decided: number;
}

function findRanges(patterns: Patterns, data: Uint8Array, final: boolean): Found {
  const ranges: { start: number; end: number }[] = [];
  let last = { start: 0, end: 0 };
  patterns.begin(data, final);
  for (let from = 0; ; from = patterns.start + 1) {
    const found = patterns.next(from);
    if (found === "beginning") return { ranges, decided: patterns.start };
    if (found !== "match") return { ranges, decided: data.length };
    const { start, end } = patterns;
    if (start < last.end) last.end = Math.max(last.end, end);
    else ranges.push((last = { start, end }));
  }
}

function findWithoutColours(search: Search, data: Uint8Array, text: ColourlessText, final: boolean): Found {
  const { ranges, decided } = findRanges(search.patterns, text.bytes, final);
  const position = decided === text.bytes.length ? data.length : text.toPosition(decided);
  return {
    ranges: ranges.map(({ start, end }) => ({
      start: text.toPosition(start),
      end: text.toPosition(end - 1) + 1,
    })),
    // Otherwise colours without an end after the beginning of a value would fill the memory.
    decided: data.length - position > search.longest + mostColourBytes ? data.length : position,
  };
}

function mergeRanges(a: Found, b: Found): Found {
  const ranges: { start: number; end: number }[] = [];
  for (const { start, end } of [...a.ranges, ...b.ranges].toSorted((one, other) => one.start - other.start)) {
    const last = ranges.at(-1);
    if (last && start < last.end) last.end = Math.max(last.end, end);
    else ranges.push({ start, end });
  }
  return { ranges, decided: Math.min(a.decided, b.decided) };
}
