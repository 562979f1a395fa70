import { toWords, wordBytes } from "./pattern-tables.ts";
import type { Shape } from "./shapes.ts";

/** A piece of data from which the terminal sequences for colours were removed. */
export interface ColourlessText {
  readonly bytes: Uint8Array;
  /** Returns the position in the data of the byte at `at`. */
  toPosition(at: number): number;
  /** Returns the places of the sequences in a range of the data. */
  sequencesIn(start: number, end: number): readonly Range[];
}

/** A range of bytes. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * Creates a search for the first colours because of which data must be searched without them: those between
 * two bytes that are neighbours in a value or a token, or at the end. Colours at a line end within a value do
 * not count, because each line is a value of its own. The search returns their position, or -1.
 */
export function createColourSearch(
  values: Iterable<Uint8Array>,
  shapes: readonly Shape[],
): (data: Uint8Array) => number {
  /** Created for the first escape, since most output has none. */
  let made: Neighbours | undefined;

  /**
   * Whether the colours from `start` on divide two neighbours, or are followed by the end of the data. If
   * not, returns the position to continue at: behind them, so that a run of colours is read once.
   */
  function isBetween({ neighbours, leaders }: Neighbours, data: Uint8Array, start: number): true | number {
    if (start === 0 || leaders[data[start - 1]!] === 0) return start + 1;
    let at = start;
    for (let end = endOfColour(data, at); end !== undefined; end = endOfColour(data, at)) {
      if (end === data.length) return true;
      at = end;
    }
    if (at === start) return start + 1;
    return neighbours[(data[start - 1]! << 8) | data[at]!] === 1 || at;
  }

  return (data) => {
    const first = data.indexOf(escape);
    if (first < 0) return -1;
    const known = (made ??= findNeighbours(values, shapes));
    const { words, offset } = toWords(data);
    const findSingly = (from: number, to: number) => {
      for (let at = from; at < to;) {
        const next = data[at] === escape ? isBetween(known, data, at) : at + 1;
        if (next === true) return at;
        at = next;
      }
      return -1;
    };
    const start = findSingly(first, Math.min(offset, data.length));
    if (start >= 0) return start;
    for (let from = Math.max(0, (first - offset) >> 2); from < words.length;) {
      const at = findEscape(data, words, offset, from, known);
      if (at < 0) break;
      const next = isBetween(known, data, at);
      if (next === true) return at;
      from = Math.max(((at - offset) >> 2) + 1, (next - offset) >> 2);
    }
    return findSingly(Math.max(first, offset + words.length * wordBytes), data.length);
  };
}

/** Bytes that are next to each other in a value or token. */
interface Neighbours {
  /** By a byte and the next one: 1 when they are neighbours. */
  readonly neighbours: Uint8Array;
  /** By a byte: 1 when it has such a neighbour. */
  readonly leaders: Uint8Array;
}

function findNeighbours(values: Iterable<Uint8Array>, shapes: readonly Shape[]): Neighbours {
  const neighbours = new Uint8Array(1 << 16);
  const leaders = new Uint8Array(256);
  const add = (first: number, second: number) => {
    if (isLineEnd(first) || isLineEnd(second)) return;
    neighbours[(first << 8) | second] = leaders[first] = 1;
  };
  for (const bytes of values) for (let at = 1; at < bytes.length; at += 1) add(bytes[at - 1]!, bytes[at]!);
  // Many shapes consist of the same characters.
  const alphabets = new Map(
    shapes.map(bytesOf).map((bytes) => [bytes.toSorted((a, b) => a - b).join(), bytes]),
  );
  for (const bytes of alphabets.values())
    for (const first of bytes) for (const second of bytes) add(first, second);
  return { neighbours, leaders };
}

/**
 * Returns the position of the first escape behind one of the leaders in the words from `from` on; -1 when
 * there is none. A word has one at most.
 */
function findEscape(
  data: Uint8Array,
  words: Int32Array,
  offset: number,
  from: number,
  { leaders, neighbours }: Neighbours,
): number {
  const { length } = words;
  for (let index = from; index < length; index += 4) {
    if (index + 4 <= length) {
      // In bytes of ASCII, exact: the highest bit is set where the byte is an escape.
      const marks =
        ((words[index]! ^ fourEscapes) - ones) |
        ((words[index + 1]! ^ fourEscapes) - ones) |
        ((words[index + 2]! ^ fourEscapes) - ones) |
        ((words[index + 3]! ^ fourEscapes) - ones);
      if ((marks & highBits) === 0) continue;
    }
    for (let each = index; each < index + 4 && each < length; each += 1) {
      const other = words[each]! ^ fourEscapes;
      const found = (other - ones) & ~other & highBits;
      if (found === 0) continue;
      const at = offset + each * wordBytes + ((31 - Math.clz32(found & -found)) >> 3);
      const before = data[at - 1]!;
      if (leaders[before] === 0) continue;
      // Most colours end before a blank.
      let end = at + 2;
      if (data[at + 1] === bracket) while (end < data.length && isParameter(data[end]!)) end += 1;
      const behind = data[end + 1];
      if (behind !== undefined && behind !== escape && neighbours[(before << 8) | behind] === 0) continue;
      return at;
    }
  }
  return -1;
}

/**
 * Removes the sequences for colours (SGR), and those that `grep` (EL) and `tput sgr0` (SCS) add to them, from
 * the data from `from` on. One that is cut off by the end of the data is removed as well.
 */
export function withoutColours(data: Uint8Array, from: number): ColourlessText {
  const bytes = new Uint8Array(data.length - from);
  /** Positions in the data and in the text. */
  const sequences: (Range & { readonly at: number })[] = [];
  let size = 0;
  let done = from;
  const keep = (end: number) => {
    bytes.set(data.subarray(done, end), size);
    size += end - done;
  };
  for (let start = data.indexOf(escape, from); start >= 0; start = data.indexOf(escape, start + 1)) {
    const end = endOfColour(data, start);
    if (end === undefined) continue;
    keep(start);
    sequences.push({ start, end, at: size });
    done = end;
  }
  keep(data.length);

  return {
    bytes: bytes.subarray(0, size),
    toPosition(at) {
      const last = sequences[countWhile(sequences, (each) => each.at <= at) - 1];
      return last ? last.end + at - last.at : from + at;
    },
    sequencesIn: (from, to) =>
      sequences.slice(
        countWhile(sequences, ({ start }) => start < from),
        countWhile(sequences, ({ end }) => end <= to),
      ),
  };
}

/** Returns the number of the first ranges of a list, in ascending order, for which `is` is true. */
export function countWhile<T extends Range>(ranges: readonly T[], is: (range: T) => boolean): number {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (is(ranges[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}

const escape = 0x1b;
const fourEscapes = 0x1b1b1b1b;
const ones = 0x01010101;
const highBits = 0x80808080;
const bracket = 0x5b;
/** Maximum size of a sequence's parameters: a colour has its red, green and blue twice. */
const mostParameters = 64;

function endOfColour(data: Uint8Array, start: number): number | undefined {
  if (start + 1 === data.length) return data.length;
  if (isCharacterSet(data[start + 1]!)) return Math.min(data.length, start + 3);
  if (data[start + 1] !== bracket) return undefined;
  const last = Math.min(data.length, start + 2 + mostParameters);
  let at = start + 2;
  while (at < last && isParameter(data[at]!)) at += 1;
  if (at === data.length) return at;
  return data[at] === 0x6d || data[at] === 0x4b ? at + 1 : undefined;
}

/** Whether the byte is one of `0` to `9`, `:`, `;`, and `<`, `=`, `>`, `?` of a private sequence. */
function isParameter(byte: number): boolean {
  return (byte & 0xf0) === 0x30;
}

/**
 * Whether the byte behind an escape begins the choice of a character set (SCS), one of `(`, `)`, `*`, `+`.
 */
function isCharacterSet(byte: number): boolean {
  return (byte & 0xfc) === 0x28;
}

function isLineEnd(byte: number): boolean {
  return byte === 0x0a || byte === 0x0d;
}

/** Visible bytes of a shape's prefixes, texts and runs. */
function bytesOf({ prefixes, parts }: Shape): number[] {
  const texts = [...prefixes, ...parts.flatMap((part) => ("text" in part ? [part.text] : []))];
  const runs = parts.flatMap((part) =>
    "bytes" in part ? [...part.bytes.keys()].filter((byte) => part.bytes[byte] === 1) : [],
  );
  return [...new Set([...Buffer.from(texts.join("")), ...runs])].filter((byte) => byte > 0x20);
}
