import type { ShapeReader } from "./shapes.ts";

/** Bytes to be found, and what is known about their positions in the data. */
export interface Pattern {
  readonly bytes: Uint8Array;
  /** The shape after the bytes, and the bytes of its first run. */
  readonly shape: ShapeReader | undefined;
  readonly run: Uint8Array | undefined;
  /** `borders[n]`: length of the longest proper prefix of the first `n` bytes that is also their suffix. */
  borders: Uint32Array | undefined;
  /** In the data of this generation, the pattern cannot begin before `at`, and its first `known` bytes match there. */
  generation: number;
  at: number;
  known: number;
}

export function toPattern(bytes: Uint8Array, shape?: ShapeReader, run?: Uint8Array): Pattern {
  return { bytes, shape, run, borders: undefined, generation: 0, at: 0, known: 0 };
}

/** A pattern among those that may begin at a position, in the order of their bytes. */
export interface Candidate {
  readonly pattern: Pattern;
  /** Number of leading bytes that it shares with the previous candidate. */
  readonly shared: number;
}

/** Tables that exclude positions at which no pattern begins, from the cheapest test to the most expensive. */
export interface Tables {
  /** By {@link toMark} of a word, one bit each: whether a pattern may begin near it. */
  readonly marks: Int32Array;
  /**
   * By {@link toPlace} of its mark: bit `n` is set when a pattern may begin `n - mostBehind` bytes after the
   * word's start.
   */
  readonly places: Uint8Array;
  /** By the hash of the first four bytes of a pattern: 0, {@link onlyValues}, or more when shapes begin so. */
  readonly beginnings: Uint8Array;
  /** By the hash of the first six bytes of a shorter value, or eight of a longer one: 1. */
  readonly sixes: Uint8Array;
  readonly eights: Uint8Array;
  readonly byWord: ReadonlyMap<number, readonly Candidate[]>;
}

/** Size of a word of data in bytes. */
export const wordBytes = 4;
export const mostBehind = 3;
/** Maximum offset of a pattern's start after the first byte of a word. */
export const mostAhead = 1;
export const onlyValues = 1;

/** 128 KiB of bits: a larger table does not stay in the processor's cache. */
const markBits = 20;

/** Creates the tables of sorted patterns. */
export function createTables(patterns: readonly Pattern[]): Tables {
  const marks = new Int32Array(1 << (markBits - 5));
  const beginnings = new Uint8Array(1 << 16);
  const places = new Uint8Array(1 << 16);
  const sixes = new Uint8Array(1 << 16);
  const eights = new Uint8Array(1 << 16);
  for (const { bytes, shape, run } of patterns) {
    // Wherever a pattern begins, one word lies within its first six bytes, or contains its first three.
    // Prefixes of shapes are short, but rare.
    for (let behind = shape ? -mostAhead : 0; behind <= (shape ? mostBehind - 1 : mostBehind); behind += 1) {
      for (const word of wordsAt(bytes, behind, run)) {
        const mark = toMark(word);
        marks[mark >>> 5]! |= 1 << mark;
        places[toPlace(mark)]! |= 1 << (mostBehind - behind);
      }
    }
    const word = wordAt(bytes, 0);
    beginnings[hash(word)]! |= shape ? onlyValues << 1 : onlyValues;
    if (shape) continue;
    if (bytes.length < 2 * wordBytes) sixes[hashSix(word, bytes, 0)] = 1;
    else eights[hashEight(word, bytes, 0)] = 1;
  }
  return {
    marks,
    places,
    beginnings,
    sixes,
    eights,
    byWord: group(patterns, ({ bytes }) => wordAt(bytes, 0)),
  };
}

/** Sorts patterns by their bytes. */
export function sortPatterns(patterns: readonly Pattern[]): Pattern[] {
  return patterns.toSorted((a, b) => Buffer.compare(a.bytes, b.bytes));
}

/** Reads four bytes as a little-endian number, as every processor that Bun supports does. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/**
 * Returns the data as signed 32-bit words, which the engine compares fastest, and the position of the first
 * one in the data.
 */
export function toWords(data: Uint8Array): { readonly words: Int32Array; readonly offset: number } {
  const offset = -data.byteOffset & (wordBytes - 1);
  if (data.length < offset + wordBytes) return { words: noWords, offset };
  return {
    words: new Int32Array(data.buffer, data.byteOffset + offset, (data.length - offset) >> 2),
    offset,
  };
}

const noWords: Int32Array = new Int32Array(0);

/**
 * Returns the bit index of a word's mark. Only a part of the last two bytes counts, so that words such as
 * `p_` and two of 62 letters and digits have few marks.
 */
export function toMark(word: number): number {
  return Math.imul(word & 0x1f1fffff, 0x9e3779b1) >>> (32 - markBits);
}

/** Converts a mark to an index of a table of 65,536 entries. */
export function toPlace(mark: number): number {
  return mark >>> (markBits - 16);
}

/** Converts a word to an index of a table of 65,536 entries. */
export function hash(word: number): number {
  return Math.imul(word, 0x9e3779b1) >>> 16;
}

/** Hashes the word at `at` and the two bytes after it. */
export function hashSix(word: number, bytes: Uint8Array, at: number): number {
  return hashBoth(word, bytes[at + 4]! | (bytes[at + 5]! << 8));
}

/** Hashes the word at `at` and the next one. */
export function hashEight(word: number, bytes: Uint8Array, at: number): number {
  return hashBoth(word, wordAt(bytes, at + wordBytes));
}

function hashBoth(word: number, next: number): number {
  return Math.imul(word ^ Math.imul(next, 0x85ebca6b), 0x9e3779b1) >>> 16;
}

/**
 * Lists all words that can occur `behind` bytes from a pattern's beginning: any byte may precede it, and any
 * of `run` may follow `bytes`.
 */
function wordsAt(bytes: Uint8Array, behind: number, run = anyByte): number[] {
  let words = [0];
  for (let index = 0; index < wordBytes; index += 1) {
    const byte = bytes[behind + index];
    const choices = byte !== undefined ? [byte] : membersOf(behind + index < 0 ? anyByte : run);
    words = words.flatMap((word) => choices.map((choice) => word | (choice << (8 * index))));
  }
  return words;
}

const anyByte: Uint8Array = new Uint8Array(256).fill(1);

function membersOf(run: Uint8Array): number[] {
  return [...run].flatMap((isMember, byte) => (isMember === 1 ? [byte] : []));
}

/** Groups sorted patterns by their first bytes. */
export function group(
  sorted: readonly Pattern[],
  toKey: (pattern: Pattern) => number,
): Map<number, Candidate[]> {
  const groups = new Map<number, Candidate[]>();
  for (const pattern of sorted) {
    const key = toKey(pattern);
    const list = groups.get(key);
    const last = list?.at(-1)?.pattern.bytes;
    const candidate = { pattern, shared: last ? sharedLength(last, pattern.bytes) : 0 };
    if (list) list.push(candidate);
    else groups.set(key, [candidate]);
  }
  return groups;
}

function sharedLength(a: Uint8Array, b: Uint8Array): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}
