import { onAbort, type SpoolBatch, type SpoolReader } from "signalman";

/** Limits of one request. A larger single event is sent alone. */
export interface BatchLimits {
  readonly maxEvents: number;
  readonly maxBytes: number;
}

/** The events that were read from a spool and are not delivered yet. */
export interface Outbox {
  /**
   * Takes the next batch: waits for an event, then for more events until the batch is full, the spool is
   * closed, or the time `due` (in `performance.now()`) is reached. Returns `undefined` when the spool is
   * closed and empty. Rejects with the signal's reason.
   */
  take(limits: BatchLimits, due: number, signal: AbortSignal): Promise<SpoolBatch | undefined>;
  /** Puts a batch back to the front. The next `take` may split it. */
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
  const timer = setTimeout(() => wait.abort("due"), waitMs);
  using _listener = onAbort(signal, () => wait.abort(signal.reason));
  try {
    return await spool.next({ ...limits, signal: wait.signal });
  } catch (error) {
    if (error === "due") return "due";
    throw error;
  } finally {
    clearTimeout(timer);
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

/** Removes as much from the front as the limits allow, at least one event. */
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

/** Copies a small batch, which would otherwise keep the whole read buffer in memory. */
function toCompact(batch: SpoolBatch): SpoolBatch {
  const { lines } = batch;
  return lines.length * 2 < lines.buffer.byteLength ? { ...batch, lines: new Uint8Array(lines) } : batch;
}
