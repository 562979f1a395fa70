/** The events of a log as lines that end with `\n`. The contents are not parsed. */
export interface LogList {
  /** Number of events. */
  readonly length: number;
  /** Size in bytes. */
  readonly bytes: number;
  /** Keeps the first `length` events. */
  truncate(length: number): void;
  append(batch: LogBatch): void;
  /** Returns some of the events from `from` on; none only at the end of the log. */
  read(from: number): LogBatch;
}

/** Consecutive events of a log. */
export interface LogBatch {
  readonly lines: Uint8Array;
  readonly count: number;
}

export function createLogList(): LogList {
  /** In ascending order, without gaps, none of them empty. */
  let segments: (LogBatch & { readonly from: number })[] = [];
  let length = 0;
  let bytes = 0;
  const recount = (): void => {
    const last = segments.at(-1);
    length = last === undefined ? 0 : last.from + last.count;
    bytes = segments.reduce((sum, { lines }) => sum + lines.length, 0);
  };
  return {
    get length() {
      return length;
    },
    get bytes() {
      return bytes;
    },
    truncate(to) {
      if (to >= length) return;
      segments = segments
        .filter(({ from }) => from < to)
        .map(({ from, count, lines }) => {
          const kept = Math.min(count, to - from);
          return { from, count: kept, lines: lines.subarray(0, offsetOf(lines, kept)) };
        });
      recount();
    },
    append({ lines, count }) {
      if (count === 0) return;
      segments.push({ from: length, lines, count });
      length += count;
      bytes += lines.length;
    },
    read(from) {
      const segment = segments[findSegment(segments, from)];
      if (segment === undefined) return { lines: new Uint8Array(), count: 0 };
      const skipped = from - segment.from;
      return {
        lines: segment.lines.subarray(offsetOf(segment.lines, skipped)),
        count: segment.count - skipped,
      };
    },
  };
}

/** Splits a body as the server does: empty lines are dropped, and the last line needs no `\n`. */
export function toBatch(body: Uint8Array): LogBatch {
  let count = 0;
  let isNormalized = true;
  for (let start = 0; start < body.length; count += 1) {
    const end = body.indexOf(newline, start);
    if (end === start || end === -1) isNormalized = false;
    if (end === -1) break;
    start = end + 1;
  }
  if (isNormalized) return { lines: body, count };
  const lines = Buffer.from(body)
    .toString("latin1")
    .split("\n")
    .filter((line) => line !== "");
  return { lines: Buffer.from(lines.map((line) => `${line}\n`).join(""), "latin1"), count: lines.length };
}

/** Returns the lines of a batch without their `\n`. */
export function toLines({ lines }: Pick<LogBatch, "lines">): string[] {
  return new TextDecoder().decode(lines).split("\n").slice(0, -1);
}

/** Returns the lines of at most `count` events from `from` on. */
export function readLines(list: LogList, from: number, count: number): string[] {
  const lines: string[] = [];
  for (let at = from; at < Math.min(list.length, from + count);) {
    const part = list.read(at);
    if (part.count === 0) break;
    lines.push(...toLines(part));
    at += part.count;
  }
  return lines.slice(0, count);
}

const newline = 10;

/** Returns the byte offset of a line. */
function offsetOf(lines: Uint8Array, number: number): number {
  let offset = 0;
  for (let index = 0; index < number; index += 1) offset = lines.indexOf(newline, offset) + 1;
  return offset;
}

function findSegment(
  segments: readonly { readonly from: number; readonly count: number }[],
  event: number,
): number {
  let [low, high] = [0, segments.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const { from, count } = segments[middle]!;
    if (from + count <= event) low = middle + 1;
    else high = middle;
  }
  return low;
}
