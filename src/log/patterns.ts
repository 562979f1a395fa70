/** What {@link Patterns.next} found; `start` and `end` of the patterns hold the place. */
export type Found = "nothing" | "match" | "beginning";

/** Finds many byte strings in one pass. */
export interface Patterns {
  readonly size: number;
  /** Of the last match or beginning. */
  readonly start: number;
  readonly end: number;
  /** Makes ready for other data. */
  reset(): void;
  /**
   * Looks for the first place, at `from` or after, where a pattern stands: the longest one that begins there. Unless `final`,
   * a place where the data ends within a pattern comes first: `"beginning"`. Calls for one data go upwards.
   */
  next(data: Uint8Array, from: number, final: boolean): Found;
}

interface Pattern {
  readonly bytes: Uint8Array;
  /** `borders[n]`: the length of the longest proper prefix of the first `n` bytes that is also their end. */
  readonly borders: Uint32Array;
  /** The pattern cannot begin before `at`, and its first `known` bytes do stand there. */
  at: number;
  known: number;
}

/** No wider: a wider window hardly skips faster, and the end of each chunk is looked at byte by byte. */
const maxWindow = 32;

/** Bytes that are looked at together. No pattern may be shorter. */
const blockBytes = 3;

/**
 * Looks at one block in each stride, so long that the beginning of a pattern cannot stand between two of them, and goes into
 * detail where that block occurs in the beginning of a pattern. What has been compared once is not compared again (Knuth,
 * Morris, Pratt), so that no data and no pattern can make it quadratic.
 */
export function createPatterns(values: readonly Uint8Array[]): Patterns {
  const patterns: readonly Pattern[] = values.map((bytes) => ({
    bytes,
    borders: toBorders(bytes),
    at: 0,
    known: 0,
  }));
  const window = values.reduce((least, bytes) => Math.min(least, bytes.length), maxWindow);
  const stride = window - blockBytes + 1;
  /** By the hash of a block: 0 where no pattern has it in its window. */
  const blocks = new Uint8Array(1 << 16);
  const byBlock = new Map<number, Pattern[]>();
  const byByte = new Map<number, Pattern[]>();
  for (const pattern of patterns) {
    const { bytes } = pattern;
    for (let at = 0; at < stride; at += 1) blocks[hashAt(bytes, at)] = 1;
    append(byBlock, hashAt(bytes, 0), pattern);
    append(byByte, bytes[0]!, pattern);
  }

  const found = { start: 0, end: 0 };

  function next(data: Uint8Array, from: number, final: boolean): Found {
    const { length } = data;
    let start = from;
    for (; start + window <= length; start += stride) {
      if (blocks[hashAt(data, start + stride - 1)] === 0) continue;
      for (let at = start; at < start + stride; at += 1) {
        const candidates = blocks[hashAt(data, at)] === 0 ? undefined : byBlock.get(hashAt(data, at));
        const outcome = candidates ? tryAll(candidates, data, at, final) : "nothing";
        if (outcome !== "nothing") return outcome;
      }
    }
    if (final) return "nothing";
    for (; start < length; start += 1) {
      const candidates = byByte.get(data[start]!);
      if (candidates && tryAll(candidates, data, start, false) !== "nothing") return "beginning";
    }
    return "nothing";
  }

  function tryAll(candidates: readonly Pattern[], data: Uint8Array, start: number, final: boolean): Found {
    let longest = 0;
    for (const pattern of candidates) {
      const length = matchLength(pattern, data, start);
      if (length === pattern.bytes.length) longest = Math.max(longest, length);
      else if (!final && start + length === data.length) {
        found.start = start;
        found.end = data.length;
        return "beginning";
      }
    }
    if (longest === 0) return "nothing";
    found.start = start;
    found.end = start + longest;
    return "match";
  }

  return {
    size: patterns.length,
    get start() {
      return found.start;
    },
    get end() {
      return found.end;
    },
    reset() {
      for (const pattern of patterns) pattern.at = pattern.known = 0;
    },
    next,
  };
}

/** Of the block at `at`, as an index of the table. */
function hashAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 10) ^ (bytes[at + 1]! << 5) ^ bytes[at + 2]!) & 0xffff;
}

function append(map: Map<number, Pattern[]>, key: number, pattern: Pattern): void {
  const list = map.get(key);
  if (list) list.push(pattern);
  else map.set(key, [pattern]);
}

/** How many bytes of `pattern` stand at `start`; fewer may be said when it is known that it does not begin there. */
function matchLength(pattern: Pattern, data: Uint8Array, start: number): number {
  if (start < pattern.at) return 0;
  const { bytes, borders } = pattern;
  const most = Math.min(bytes.length, data.length - start);
  let length = start === pattern.at ? pattern.known : 0;
  while (length < most && data[start + length] === bytes[length]) length += 1;
  pattern.known = borders[length]!;
  pattern.at = start + Math.max(1, length - pattern.known);
  return length;
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
