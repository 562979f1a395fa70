import type { SpoolBatch, SpoolReader } from "signalman";

/** The most that one request may carry. An event of more bytes goes alone. */
export interface BatchLimits {
  readonly maxEvents: number;
  readonly maxBytes: number;
}

/** What was read from a spool and is not delivered. */
export interface Outbox {
  /**
   * The next batch: waits for an event, and then for more until it is full, the spool is closed, or it is `due` (in
   * `performance.now()`). `undefined`: the spool is closed and all was taken. Rejects with the
   * signal's reason.
   */
  take(limits: BatchLimits, due: number, signal: AbortSignal): Promise<SpoolBatch | undefined>;
  /** To be taken again, first; perhaps with other lines, or in smaller parts. */
  putBack(batch: SpoolBatch): void;
}

export function createOutbox(spool: SpoolReader): Outbox {
  const pieces: SpoolBatch[] = [];
  let isClosed = false;

  return {
    async take(limits, due, signal) {
      while (!isClosed && !isFull(pieces, limits)) {
        const next = await nextUntil(spool, limits, pieces.length === 0 ? Infinity : due, signal);
        if (next === "due") break;
        if (next === undefined) isClosed = true;
        else pieces.push(toCompact(next));
      }
      return takeFirst(pieces, limits);
    },
    putBack(batch) {
      pieces.unshift(batch);
    },
  };
}

export function countEvents({ start, end }: SpoolBatch): number {
  return end.event - start.event;
}

const newline = 0x0a;

async function nextUntil(
  spool: SpoolReader,
  limits: BatchLimits,
  due: number,
  signal: AbortSignal,
): Promise<SpoolBatch | "due" | undefined> {
  if (due === Infinity) return spool.next({ ...limits, signal });
  const waitMs = due - performance.now();
  if (waitMs <= 0) return "due";
  const wait = new AbortController();
  const stop = (): void => wait.abort(signal.reason);
  const timer = setTimeout(() => wait.abort("due"), waitMs);
  signal.addEventListener("abort", stop);
  try {
    return await spool.next({ ...limits, signal: wait.signal });
  } catch (error) {
    if (error === "due") return "due";
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

function isFull(pieces: readonly SpoolBatch[], { maxEvents, maxBytes }: BatchLimits): boolean {
  let events = 0;
  let bytes = 0;
  for (const piece of pieces) {
    events += countEvents(piece);
    bytes += piece.lines.length;
  }
  return events >= maxEvents || bytes >= maxBytes;
}

/** Removes from the front as much as the limits allow, and always one event when there is one. */
function takeFirst(pieces: SpoolBatch[], limits: BatchLimits): SpoolBatch | undefined {
  const [first] = pieces;
  if (first === undefined) return undefined;
  let count = 0;
  let events = 0;
  let bytes = 0;
  for (const piece of pieces) {
    events += countEvents(piece);
    bytes += piece.lines.length;
    if (events > limits.maxEvents || bytes > limits.maxBytes) break;
    count += 1;
  }
  if (count > 0) return join(pieces.splice(0, count));
  const parts = split(first, limits);
  pieces.splice(0, 1, ...parts.slice(1));
  return parts[0];
}

function join(pieces: readonly SpoolBatch[]): SpoolBatch {
  const [first, last] = [pieces[0]!, pieces.at(-1)!];
  if (first === last) return first;
  return { start: first.start, end: last.end, lines: Buffer.concat(pieces.map(({ lines }) => lines)) };
}

function split(batch: SpoolBatch, { maxEvents, maxBytes }: BatchLimits): SpoolBatch[] {
  const { start, end, lines } = batch;
  let events = 0;
  let bytes = 0;
  for (let next = lines.indexOf(newline) + 1; next > 0; next = lines.indexOf(newline, bytes) + 1) {
    if (events > 0 && (events >= maxEvents || next > maxBytes)) break;
    bytes = next;
    events += 1;
  }
  if (bytes === lines.length) return [batch];
  const middle = { event: start.event + events, offset: start.offset + bytes };
  return [
    { start, end: middle, lines: lines.subarray(0, bytes) },
    { start: middle, end, lines: lines.subarray(bytes) },
  ];
}

/** A few bytes must not hold the whole block that they were read into. */
function toCompact(batch: SpoolBatch): SpoolBatch {
  const { lines } = batch;
  return lines.length * 2 < lines.buffer.byteLength ? { ...batch, lines: new Uint8Array(lines) } : batch;
}
