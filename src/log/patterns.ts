import {
  allBits,
  type Candidate,
  createTables,
  hash,
  hashBlock,
  hashSix,
  hashWord,
  onlyValues,
  type Pattern,
  topBit,
  toPattern,
  wordAt,
  wordBytes,
} from "./pattern-tables.ts";
import { createShapeReader, type Shape } from "./shapes.ts";

/** What {@link Patterns.next} found; `start` and `end` of the patterns hold the place. */
export type Found = "nothing" | "match" | "beginning";

/** Finds many byte strings and shapes in one pass. */
export interface Patterns {
  readonly size: number;
  /** Of the last match or beginning. */
  readonly start: number;
  readonly end: number;
  /** Makes ready for this data; `final`: nothing comes after it. */
  begin(data: Uint8Array, final: boolean): void;
  /**
   * Looks for the first place, at `from` or after, where a pattern stands: the longest one that begins there. Unless it is final,
   * a place where the data ends within a pattern comes first: `"beginning"`. Calls for one data go upwards.
   */
  next(from: number): Found;
}

/** Only from here on it is worth remembering what was compared. */
const longBytes = 32;

/**
 * Looks at the first three bytes of each word of the data, and goes into detail where a pattern has those among its first six bytes. What has been compared
 * once at length is not compared again (Knuth, Morris, Pratt), so that no data and no pattern can make it quadratic. No value may be shorter than six bytes.
 */
export function createPatterns(values: readonly Uint8Array[], shapes: readonly Shape[] = []): Patterns {
  const readers = shapes.map(({ parts }) => createShapeReader(parts));
  const { inValues, inShapes, beginnings, sixes, byWord, byByte } = createTables([
    ...values.map((bytes) => toPattern(bytes)),
    ...shapes.flatMap(({ prefixes, parts: [first] }, index) =>
      prefixes.map((prefix) =>
        toPattern(Buffer.from(prefix), readers[index], first && "bytes" in first ? first.bytes : undefined),
      ),
    ),
  ]);

  const found = { start: 0, end: 0 };
  let generation = 0;
  let data: Uint8Array = new Uint8Array(0);
  let isFinal = true;
  /** Numbers that are negative when the top bit is set: those are quick. */
  let words = noWords;
  /** Where they begin in the data. */
  let offset = 0;

  function next(from: number): Found {
    const { length } = words;
    let at = Math.max(0, (from - offset + wordBytes - 1) >> 2);
    while (at < length) {
      const end = Math.min(length, at + maxSkip);
      at = skip(words, inValues, inShapes, at, end);
      if (at === end) continue;
      const place = offset + at * wordBytes;
      // The highest bit stands for the earliest beginning.
      let bits = inValues[hashWord(words[at]!)]! | inShapes[hashBlock(words[at]!)]!;
      for (let start = place - wordBytes + 1; bits !== 0; start += 1, bits = (bits << 1) & allBits) {
        if ((bits & topBit) === 0 || start < from) continue;
        const word = wordAt(data, start);
        const kind = beginnings[hash(word)]!;
        if (kind === 0) continue;
        if (kind === onlyValues && start + 6 <= data.length && sixes[hashSix(word, data, start)] === 0)
          continue;
        const candidates = byWord.get(word);
        const outcome = candidates ? tryAll(candidates, start) : "nothing";
        if (outcome !== "nothing") return outcome;
      }
      at += 1;
    }
    // Where no whole word follows.
    const rest = offset + length * wordBytes - wordBytes + 1;
    for (let start = Math.max(from, rest, 0); start < data.length; start += 1) {
      const candidates = byByte.get(data[start]!);
      const outcome = candidates ? tryAll(candidates, start) : "nothing";
      if (outcome !== "nothing") return outcome;
    }
    return "nothing";
  }

  function tryAll(candidates: readonly Candidate[], start: number): Found {
    let longest = 0;
    /** So many bytes of the candidate before stand there; -1: it is not known how many. */
    let before = -1;
    for (const { pattern, shared } of candidates) {
      if (before === -1 || shared === before) before = commonLength(pattern, start, Math.max(0, before));
      // It ends or differs where the one before does, or does so where the two part.
      else if (shared < before) before = shared;
      const length = before === -1 ? 0 : matchLength(pattern, start, before);
      if (length === undefined) {
        found.start = start;
        found.end = data.length;
        return "beginning";
      }
      longest = Math.max(longest, length);
    }
    if (longest === 0) return "nothing";
    found.start = start;
    found.end = start + longest;
    return "match";
  }

  /** 0 when it does not stand there, `undefined` when more data is wanted. */
  function matchLength({ bytes, shape }: Pattern, start: number, length: number): number | undefined {
    if (length < bytes.length) return !isFinal && start + length === data.length ? undefined : 0;
    if (!shape) return length;
    const rest = shape.measure(data, start + length, isFinal);
    return rest === undefined ? undefined : rest < 0 ? 0 : length + rest;
  }

  /** How many bytes of `pattern` stand at `start`, where `least` are known to; -1 when it is known that it does not begin there. */
  function commonLength(pattern: Pattern, start: number, least: number): number {
    if (pattern.generation !== generation) {
      pattern.generation = generation;
      pattern.at = pattern.known = 0;
    }
    if (start < pattern.at) return -1;
    const { bytes } = pattern;
    const most = Math.min(bytes.length, data.length - start);
    let length = start === pattern.at ? Math.max(least, pattern.known) : least;
    while (length < most && data[start + length] === bytes[length]) length += 1;
    if (length >= longBytes) {
      pattern.borders ??= toBorders(bytes);
      pattern.known = pattern.borders[length]!;
      pattern.at = start + Math.max(1, length - pattern.known);
    }
    return length;
  }

  return {
    size: byWord.size,
    get start() {
      return found.start;
    },
    get end() {
      return found.end;
    },
    begin(bytes, final) {
      data = bytes;
      isFinal = final;
      generation += 1;
      offset = -bytes.byteOffset & (wordBytes - 1);
      words =
        bytes.length < offset + wordBytes
          ? noWords
          : new Int32Array(bytes.buffer, bytes.byteOffset + offset, (bytes.length - offset) >> 2);
      for (const reader of readers) reader.reset();
    },
    next,
  };
}

const noWords: Int32Array = new Int32Array(0);

/** A function that is called often is compiled best. */
const maxSkip = 1024;

/** The first word from `at` on that is in a table, or `end`. */
function skip(
  words: Int32Array,
  inValues: Uint8Array,
  inShapes: Uint8Array,
  at: number,
  end: number,
): number {
  let index = at;
  for (; index + 4 <= end; index += 4) {
    const first = words[index]!;
    const second = words[index + 1]!;
    const third = words[index + 2]!;
    const fourth = words[index + 3]!;
    const bits =
      inValues[hashWord(first)]! |
      inShapes[hashBlock(first)]! |
      inValues[hashWord(second)]! |
      inShapes[hashBlock(second)]! |
      inValues[hashWord(third)]! |
      inShapes[hashBlock(third)]! |
      inValues[hashWord(fourth)]! |
      inShapes[hashBlock(fourth)]!;
    if (bits !== 0) break;
  }
  while (index < end && (inValues[hashWord(words[index]!)]! | inShapes[hashBlock(words[index]!)]!) === 0)
    index += 1;
  return index;
}

function toBorders(bytes: Uint8Array): Uint32Array {
  const borders = new Uint32Array(bytes.length + 1);
  for (let i = 1, length = 0; i < bytes.length; i += 1) {
    while (length > 0 && bytes[i] !== bytes[length]) length = borders[length]!;
    if (bytes[i] === bytes[length]) length += 1;
    borders[i + 1] = length;
  }
  return borders;
}
