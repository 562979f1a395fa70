import {
  type Candidate,
  createTables,
  group,
  mostBehind,
  type Pattern,
  sortPatterns,
  type Tables,
  toPattern,
  toWords,
  wordAt,
  wordBytes,
} from "./pattern-tables.ts";
import { findCandidate, maxWords, toWord } from "./find-candidate.ts";
import { createShapeReader, membersOf, type Shape } from "./shapes.ts";

/** The result of {@link Patterns.next}; `start` and `end` of the patterns hold the position. */
export type Found = "nothing" | "match" | "beginning";

/** Finds many byte strings and shapes in one pass. */
export interface Patterns {
  readonly size: number;
  /** Position of the last match or beginning. */
  readonly start: number;
  readonly end: number;
  /** Prepares for new data; `final`: no data follows it. */
  begin(data: Uint8Array, final: boolean): void;
  /**
   * Finds the first position, at `from` or after, at which a pattern matches, and the longest pattern that
   * begins there. Unless the data is final, an earlier position at which the data ends within a pattern is
   * reported first: `"beginning"`. Positions must ascend.
   */
  next(from: number): Found;
}

export interface PatternsOptions {
  /** Bytes after which the tables for large outputs are created, which takes about 20 ms. */
  readonly patienceBytes?: number;
}

/** Length from which it is worth to remember what was compared. */
const longBytes = 32;

/**
 * Creates a search for values and shapes. It examines the first three bytes of each word of the data, and
 * compares in detail where a pattern has them among its first six bytes. Long comparisons are not repeated
 * (Knuth, Morris, Pratt), so that neither data nor patterns make it quadratic. Values have at least six
 * bytes.
 */
// oxlint-disable-next-line max-lines-per-function -- the hot path of the log: local variables are the fastest state
export function createPatterns(
  values: readonly Uint8Array[],
  shapes: readonly Shape[] = [],
  options: PatternsOptions = {},
): Patterns {
  const { patienceBytes = 16 * 1024 } = options;
  const wordCharacters = membersOf("A-Za-z0-9_");
  const readers = shapes.map(({ parts }) => createShapeReader(parts));
  const sorted = sortPatterns([
    ...values.map((bytes) => toPattern(bytes)),
    ...shapes.flatMap(({ prefixes, parts: [first] }, index) =>
      prefixes.map((prefix) =>
        toPattern(Buffer.from(prefix), readers[index], first && "bytes" in first ? first.bytes : undefined),
      ),
    ),
  ]);

  const byByte = group(sorted, ({ bytes }) => bytes[0]!);
  let tables: Tables | undefined;
  let seenBytes = 0;
  const found = { start: 0, end: 0 };
  let generation = 0;
  let data: Uint8Array = new Uint8Array(0);
  let isFinal = true;
  let { words, offset } = toWords(data);

  function next(from: number): Found {
    return tables ? nextByWord(tables, from) : nextByByte(from);
  }

  function nextByByte(from: number): Found {
    for (let start = from; start < data.length; start += 1) {
      const outcome = tryAll(byByte.get(data[start]!), start);
      if (outcome !== "nothing") return outcome;
    }
    return "nothing";
  }

  function nextByWord(known: Tables, from: number): Found {
    const { byWord } = known;
    const { length } = words;
    let earliest = from;
    // Positions before the first word, which that word does not cover.
    for (; earliest < offset && earliest + wordBytes <= data.length; earliest += 1) {
      const outcome = tryAll(byWord.get(wordAt(data, earliest)), earliest);
      if (outcome !== "nothing") return outcome;
    }
    for (let at = toWord(earliest, offset); at < length;) {
      const end = Math.min(length, at + maxWords);
      const start = findCandidate(known, data, words, offset, at, end, earliest);
      if (start < 0) {
        at = end;
        continue;
      }
      const outcome = tryAll(byWord.get(wordAt(data, start)), start);
      if (outcome !== "nothing") return outcome;
      earliest = start + 1;
      at = toWord(earliest, offset);
    }
    // Positions after the last whole word.
    const rest = offset + length * wordBytes - mostBehind;
    return nextByByte(Math.max(from, rest, 0));
  }

  function tryAll(candidates: readonly Candidate[] | undefined, start: number): Found {
    if (candidates === undefined) return "nothing";
    let longest = 0;
    /** Number of bytes of the previous candidate that match here; -1 when it is unknown. */
    let before = -1;
    for (const { pattern, shared } of candidates) {
      if (before === -1 || shared === before) before = commonLength(pattern, start, Math.max(0, before));
      // It matches as far as the previous one, or up to the byte where the two differ.
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

  /** Returns 0 when the pattern does not match, `undefined` when more data is needed. */
  function matchLength({ bytes, shape }: Pattern, start: number, length: number): number | undefined {
    if (length < bytes.length) {
      const isOpen = !isFinal && start + length === data.length;
      // Otherwise the last letter of many prompts would be held back.
      const isCommon = shape && length < rareBytes && start > 0 && wordCharacters[data[start - 1]!] === 1;
      return isOpen && !isCommon ? undefined : 0;
    }
    if (!shape) return length;
    const rest = shape.measure(data, start + length, isFinal);
    return rest === undefined ? undefined : rest < 0 ? 0 : length + rest;
  }

  /**
   * Returns the number of bytes of `pattern` that match at `start`, of which `least` are known to; -1 when it
   * cannot begin there.
   */
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
    size: byByte.size,
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
      seenBytes += bytes.length;
      if (seenBytes > patienceBytes) tables ??= createTables(sorted);
      ({ words, offset } = toWords(bytes));
      for (const reader of readers) reader.reset();
    },
    next,
  };
}

/** A prefix of at least so many bytes is rarely found by chance. */
const rareBytes = 3;

function toBorders(bytes: Uint8Array): Uint32Array {
  const borders = new Uint32Array(bytes.length + 1);
  for (let i = 1, length = 0; i < bytes.length; i += 1) {
    while (length > 0 && bytes[i] !== bytes[length]) length = borders[length]!;
    if (bytes[i] === bytes[length]) length += 1;
    borders[i + 1] = length;
  }
  return borders;
}
