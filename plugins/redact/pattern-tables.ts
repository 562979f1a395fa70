import type { ShapeReader } from "./shapes.ts";

/** Bytes to be found, and what is known of where they stand in the data. */
export interface Pattern {
  readonly bytes: Uint8Array;
  /** What comes after the bytes, and what its first run is made of. */
  readonly shape: ShapeReader | undefined;
  readonly run: Uint8Array | undefined;
  /** `borders[n]`: the length of the longest proper prefix of the first `n` bytes that is also their end. */
  borders: Uint32Array | undefined;
  /** In the data of this generation, the pattern cannot begin before `at`, and its first `known` bytes do stand there. */
  generation: number;
  at: number;
  known: number;
}

export function toPattern(bytes: Uint8Array, shape?: ShapeReader, run?: Uint8Array): Pattern {
  return { bytes, shape, run, borders: undefined, generation: 0, at: 0, known: 0 };
}

/** Candidates stand in the order of their bytes. */
export interface Candidate {
  readonly pattern: Pattern;
  /** So many bytes are those of the candidate before. */
  readonly shared: number;
}

/** What sorts out where a pattern may begin, from the cheapest look to the dearest. */
export interface Tables {
  /** By {@link toMark} of a word, in bits: whether a pattern may begin around it. */
  readonly marks: Int32Array;
  /** By {@link toPlace} of its mark: bit `n` says that a pattern may begin `n` bytes behind {@link mostBehind} bytes before the word. */
  readonly places: Uint8Array;
  /** By the hash of four bytes with which a pattern begins: 0, {@link onlyValues}, or more when shapes are among them. */
  readonly beginnings: Uint8Array;
  /** By the hash of six bytes with which a value begins that has no eight, and of eight: 1. */
  readonly sixes: Uint8Array;
  readonly eights: Uint8Array;
  readonly byWord: ReadonlyMap<number, readonly Candidate[]>;
}

/** The data is looked at in words of so many bytes. */
export const wordBytes = 4;
export const mostBehind = 3;
/** Of places behind the first byte of a word. */
export const mostAhead = 1;
export const onlyValues = 1;

/** 128 KiB of bits: what is larger does not stay in the processor's cache, beside all else that is done with the output. */
const markBits = 20;

/** Of patterns that are sorted. */
export function createTables(patterns: readonly Pattern[]): Tables {
  const marks = new Int32Array(1 << (markBits - 5));
  const beginnings = new Uint8Array(1 << 16);
  const places = new Uint8Array(1 << 16);
  const sixes = new Uint8Array(1 << 16);
  const eights = new Uint8Array(1 << 16);
  for (const { bytes, shape, run } of patterns) {
    // Wherever a pattern begins, one word is within its first six bytes, or has its first three. What shapes begin with is short, but seldom.
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

/** In the order of their bytes. */
export function sortPatterns(patterns: readonly Pattern[]): Pattern[] {
  return patterns.toSorted((a, b) => Buffer.compare(a.bytes, b.bytes));
}

/** Four bytes as processors with the lowest byte first read them: all that Bun runs on. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** The place of a word's mark, in bits. Of the last two bytes a part counts, so that what begins with `p_` and two of 62 letters and digits has few marks. */
export function toMark(word: number): number {
  return Math.imul(word & 0x1f1fffff, 0x9e3779b1) >>> (32 - markBits);
}

/** Of a mark, as an index of a table of 65,536. */
export function toPlace(mark: number): number {
  return mark >>> (markBits - 16);
}

/** Of a word, as an index of a table of 65,536. */
export function hash(word: number): number {
  return Math.imul(word, 0x9e3779b1) >>> 16;
}

/** Of the word that stands at `at` and the two bytes behind it. */
export function hashSix(word: number, bytes: Uint8Array, at: number): number {
  return hashBoth(word, bytes[at + 4]! | (bytes[at + 5]! << 8));
}

/** Of the word that stands at `at` and the one behind it. */
export function hashEight(word: number, bytes: Uint8Array, at: number): number {
  return hashBoth(word, wordAt(bytes, at + wordBytes));
}

function hashBoth(word: number, next: number): number {
  return Math.imul(word ^ Math.imul(next, 0x85ebca6b), 0x9e3779b1) >>> 16;
}

/** All words that can stand `behind` so many bytes of a pattern's beginning: any byte stands before it, and any of `run` behind `bytes`. */
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

/** Sorted ones, by what they begin with. */
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
