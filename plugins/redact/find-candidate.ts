import {
  hash,
  hashEight,
  hashSix,
  mostAhead,
  mostBehind,
  onlyValues,
  type Tables,
  toMark,
  toPlace,
  wordAt,
  wordBytes,
} from "./pattern-tables.ts";

/** Maximum number of words per call: a function that is called often is compiled best. */
export const maxWords = 1024;

/** Returns the index of the first word that covers patterns beginning at `start` or later. */
export function toWord(start: number, offset: number): number {
  return Math.max(0, (start - offset - mostAhead + wordBytes - 1) >> 2);
}

/**
 * Returns the first position from `from` on, among those that the words from `at` to `end` cover, where a
 * pattern may begin; -1 when there is none.
 */
export function findCandidate(
  { marks, places, beginnings, sixes, eights }: Tables,
  data: Uint8Array,
  words: Int32Array,
  offset: number,
  at: number,
  end: number,
  from: number,
): number {
  for (let index = at; index < end; index += 4) {
    // Four at a time, since nearly all of them exclude a pattern.
    if (index + 4 <= end) {
      const first = toMark(words[index]!);
      const second = toMark(words[index + 1]!);
      const third = toMark(words[index + 2]!);
      const fourth = toMark(words[index + 3]!);
      const isMarked =
        (marks[first >>> 5]! >> first) |
        (marks[second >>> 5]! >> second) |
        (marks[third >>> 5]! >> third) |
        (marks[fourth >>> 5]! >> fourth);
      if ((isMarked & 1) === 0) continue;
    }
    for (let marked = index; marked < index + 4 && marked < end; marked += 1) {
      const first = offset + marked * wordBytes - mostBehind;
      for (let bits = places[toPlace(toMark(words[marked]!))]!; bits !== 0; bits &= bits - 1) {
        // The lowest bit is the first position.
        const start = first + 31 - Math.clz32(bits & -bits);
        if (start < from || start + wordBytes > data.length) continue;
        const word = wordAt(data, start);
        const kind = beginnings[hash(word)]!;
        if (kind === 0) continue;
        if (
          kind === onlyValues &&
          start + 2 * wordBytes <= data.length &&
          (eights[hashEight(word, data, start)]! | sixes[hashSix(word, data, start)]!) === 0
        )
          continue;
        return start;
      }
    }
  }
  return -1;
}
