import {
  type Candidate,
  createTables,
  group,
  mostBehind,
  type Pattern,
  sortPatterns,
  type Tables,
  toPattern,
  wordAt,
  wordBytes,
} from "./pattern-tables.ts";
import { maxSeek, seek, toWord } from "./find-candidate.ts";
import { createShapeReader, membersOf, type Shape } from "./shapes.ts";

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

export interface PatternsOptions {
  /** The tables for much data cost some 20 ms, so they are made only after so many bytes. */
  readonly patienceBytes?: number;
}

/** Only from here on it is worth remembering what was compared. */
const longBytes = 32;

/**
 * Looks at the first three bytes of each word of the data, and goes into detail where a pattern has those among its first six bytes. What has been compared
 * once at length is not compared again (Knuth, Morris, Pratt), so that no data and no pattern can make it quadratic. No value may be shorter than six bytes.
 */
export function createPatterns(
  values: readonly Uint8Array[],
  shapes: readonly Shape[] = [],
  options: PatternsOptions = {},
): Patterns {
  const { patienceBytes = 16 * 1024 } = options;
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
  /** Numbers that are negative when the top bit is set: those are quick. */
  let words = noWords;
  /** Where they begin in the data. */
  let offset = 0;

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
    // Before the first word, which does not tell of all that begins there.
    for (; earliest < offset && earliest + wordBytes <= data.length; earliest += 1) {
      const outcome = tryAll(byWord.get(wordAt(data, earliest)), earliest);
      if (outcome !== "nothing") return outcome;
    }
    for (let at = toWord(earliest, offset); at < length;) {
      const end = Math.min(length, at + maxSeek);
      const start = seek(known, data, words, offset, at, end, earliest);
      if (start < 0) {
        at = end;
        continue;
      }
      const outcome = tryAll(byWord.get(wordAt(data, start)), start);
      if (outcome !== "nothing") return outcome;
      earliest = start + 1;
      at = toWord(earliest, offset);
    }
    // Where no whole word follows.
    const rest = offset + length * wordBytes - mostBehind;
    return nextByByte(Math.max(from, rest, 0));
  }

  function tryAll(candidates: readonly Candidate[] | undefined, start: number): Found {
    if (candidates === undefined) return "nothing";
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
    if (length < bytes.length) {
      const isOpen = !isFinal && start + length === data.length;
      // Else the last letter of many a prompt would wait for what comes next.
      const isCommon = shape && length < rareBytes && start > 0 && wordCharacters[data[start - 1]!] === 1;
      return isOpen && !isCommon ? undefined : 0;
    }
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

/** What a shape begins with, in so many bytes, is seldom by chance. */
const rareBytes = 3;
const wordCharacters = membersOf("A-Za-z0-9_");

function toBorders(bytes: Uint8Array): Uint32Array {
  const borders = new Uint32Array(bytes.length + 1);
  for (let i = 1, length = 0; i < bytes.length; i += 1) {
    while (length > 0 && bytes[i] !== bytes[length]) length = borders[length]!;
    if (bytes[i] === bytes[length]) length += 1;
    borders[i + 1] = length;
  }
  return borders;
}
