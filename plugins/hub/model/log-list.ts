/** The events of a log as lines, each with its `\n`; counted, never looked into. */
export interface LogList {
  /** In events. */
  readonly length: number;
  /** In bytes. */
  readonly bytes: number;
  /** Keeps the first `length` events. */
  truncate(length: number): void;
  append(batch: LogBatch): void;
  /** The events from `from` on: a part of them, at least one, nothing only at the end. */
  read(from: number): LogBatch;
}

export interface LogBatch {
  readonly lines: Uint8Array;
  readonly count: number;
}

export function createLogList(): LogList {
  /** Ascending, without gaps, none of them empty. */
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

/** As the server splits a body: empty lines are dropped, and a last line needs no end. */
export function toBatch(body: Uint8Array): LogBatch {
  let count = 0;
  let isClean = true;
  for (let start = 0; start < body.length; count += 1) {
    const end = body.indexOf(newline, start);
    if (end === start || end === -1) isClean = false;
    if (end === -1) break;
    start = end + 1;
  }
  if (isClean) return { lines: body, count };
  const lines = Buffer.from(body)
    .toString("latin1")
    .split("\n")
    .filter((line) => line !== "");
  return { lines: Buffer.from(lines.map((line) => `${line}\n`).join(""), "latin1"), count: lines.length };
}

/** Every line of a batch, without its end. */
export function toLines({ lines }: Pick<LogBatch, "lines">): string[] {
  return new TextDecoder().decode(lines).split("\n").slice(0, -1);
}

/** The lines of `count` events from `from` on, or of those that there are. */
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

/** Where the line with this number begins. */
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
