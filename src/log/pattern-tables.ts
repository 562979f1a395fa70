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
  /** By the hash of a word: {@link topBit} says that a value has it three bytes behind its beginning, the next bit two, and so on. */
  readonly inValues: Uint8Array;
  /** The same for shapes, by the hash of three bytes: their beginnings are short. */
  readonly inShapes: Uint8Array;
  /** By the hash of four bytes with which a pattern begins: 0, {@link onlyValues}, or more when shapes are among them. */
  readonly beginnings: Uint8Array;
  /** By the hash of six bytes with which a value begins: 1. */
  readonly sixes: Uint8Array;
  readonly byWord: ReadonlyMap<number, readonly Candidate[]>;
  readonly byByte: ReadonlyMap<number, readonly Candidate[]>;
}

/** The data is looked at in words of so many bytes. */
export const wordBytes = 4;
export const topBit = 8;
export const allBits = 15;
export const onlyValues = 1;

/** Of the tables' sizes, so that thousands of words leave them nearly empty. */
const wordBits = 18;
const blockBits = 17;

export function createTables(patterns: readonly Pattern[]): Tables {
  const inValues = new Uint8Array(1 << wordBits);
  const inShapes = new Uint8Array(1 << blockBits);
  const beginnings = new Uint8Array(1 << 16);
  const sixes = new Uint8Array(1 << 16);
  for (const { bytes, shape, run } of patterns) {
    for (let behind = 0; behind < wordBytes; behind += 1) {
      const bit = 1 << behind;
      if (shape) for (const block of wordsAt(bytes, behind, 3, run)) inShapes[hashBlock(block)]! |= bit;
      else for (const word of wordsAt(bytes, behind, 4)) inValues[hashWord(word)]! |= bit;
    }
    const word = wordAt(bytes, 0);
    beginnings[hash(word)]! |= shape ? onlyValues << 1 : onlyValues;
    if (!shape) sixes[hashSix(word, bytes, 0)] = 1;
  }
  const sorted = patterns.toSorted((a, b) => Buffer.compare(a.bytes, b.bytes));
  return {
    inValues,
    inShapes,
    beginnings,
    sixes,
    byWord: group(sorted, ({ bytes }) => wordAt(bytes, 0)),
    byByte: group(sorted, ({ bytes }) => bytes[0]!),
  };
}

/** Four bytes as processors with the lowest byte first read them: all that Bun runs on. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** Of a word, as an index of the values' table. */
export function hashWord(word: number): number {
  return Math.imul(word, 0x9e3779b1) >>> (32 - wordBits);
}

/** Of the lowest three bytes of a word, as an index of the shapes' table. */
export function hashBlock(word: number): number {
  return Math.imul(word << 8, 0x9e3779b1) >>> (32 - blockBits);
}

/** Of a word, as an index of a table of 65,536. */
export function hash(word: number): number {
  return Math.imul(word, 0x9e3779b1) >>> 16;
}

/** Of the word that stands at `at` and the two bytes behind it. */
export function hashSix(word: number, bytes: Uint8Array, at: number): number {
  return Math.imul(word ^ Math.imul(bytes[at + 4]! | (bytes[at + 5]! << 8), 0x85ebca6b), 0x9e3779b1) >>> 16;
}

/** All words that can stand `behind` so many bytes of a pattern, where any byte, or those of `run`, go on behind `bytes`. Only their first `length` bytes count. */
function wordsAt(bytes: Uint8Array, behind: number, length: number, run = anyByte): number[] {
  let words = [0];
  for (let index = 0; index < length; index += 1) {
    const byte = bytes[behind + index];
    const choices = byte === undefined ? membersOf(run) : [byte];
    words = words.flatMap((word) => choices.map((choice) => word | (choice << (8 * index))));
  }
  return words;
}

const anyByte: Uint8Array = new Uint8Array(256).fill(1);

function membersOf(run: Uint8Array): number[] {
  return [...run].flatMap((isMember, byte) => (isMember === 1 ? [byte] : []));
}

function group(sorted: readonly Pattern[], toKey: (pattern: Pattern) => number): Map<number, Candidate[]> {
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
