export interface ChunkerOptions {
  /** Maximum size of one text in bytes. Default: 32 KiB. */
  readonly maxBytes?: number;
  /** Maximum time that bytes wait for more while output continues. Default: 50. */
  readonly delayMs?: number;
  /** The same for the first bytes after a pause, which a viewer may be waiting for. Default: 2. */
  readonly leadMs?: number;
}

/** Cuts a stream of bytes into texts that are complete in themselves. */
export interface Chunker {
  push(bytes: Uint8Array): void;
  /** Emits what is whole without waiting. */
  flush(): void;
  /** Whether nothing waits. */
  readonly isEmpty: boolean;
  /** Emits the rest without waiting. The next byte starts a new stream. */
  end(): void;
}

/**
 * Creates a chunker (protocol section 5.2): no text begins or ends inside a UTF-8 sequence or a `\r\n`. A full
 * buffer is emitted at once; less than that waits for more, `leadMs` after a pause and `delayMs` while output
 * continues. A possible half of a sequence or of a line end waits for its other half, or for `end`. An emitted
 * text is valid until `emit` returns.
 */
export function createChunker(emit: (text: Uint8Array) => void, options: ChunkerOptions = {}): Chunker {
  const { maxBytes = 32 * 1024, delayMs = 50, leadMs = 2 } = options;
  const buffer = new Uint8Array(Math.max(maxBytes, longestSequence));
  let filled = 0;
  let sentAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  function send(bytes: Uint8Array): void {
    if (bytes.length > 0) emit(bytes);
  }

  function sendWhole(): void {
    const end = wholeEnd(buffer, 0, filled, buffer.length);
    send(buffer.subarray(0, end));
    buffer.copyWithin(0, end, filled);
    filled -= end;
    sentAt = performance.now();
  }

  return {
    push(bytes) {
      for (let at = 0; at < bytes.length;) {
        if (filled === 0 && bytes.length - at >= buffer.length) {
          const end = wholeEnd(bytes, at, at + buffer.length, buffer.length);
          send(bytes.subarray(at, end));
          at = end;
          continue;
        }
        const end = Math.min(bytes.length, at + buffer.length - filled);
        buffer.set(bytes.subarray(at, end), filled);
        filled += end - at;
        at = end;
        if (filled === buffer.length) sendWhole();
      }
      if (filled > 0 && timer === undefined) {
        const isAfterPause = performance.now() - sentAt >= delayMs;
        timer = setTimeout(
          () => {
            timer = undefined;
            sendWhole();
          },
          isAfterPause ? leadMs : delayMs,
        );
        timer.unref();
      }
    },
    flush: sendWhole,
    get isEmpty() {
      return filled === 0;
    },
    end() {
      clearTimeout(timer);
      timer = undefined;
      send(buffer.subarray(0, filled));
      filled = 0;
    },
  };
}

const longestSequence = 4;
const carriageReturn = 0x0d;

/**
 * Returns the last position, at `end` or before, that is not inside a UTF-8 sequence and not after a `\r`,
 * nor after several, since a terminal turns `\r\n` into `\r\r\n`. Only `limit` bytes that are all `\r` are
 * split.
 */
function wholeEnd(bytes: Uint8Array, start: number, end: number, limit: number): number {
  let whole = end;
  while (whole > start && bytes[whole - 1] === carriageReturn) whole -= 1;
  if (whole === start && end - start === limit) return end - 1;
  if (whole < end) return whole;
  for (let lead = end - 1; lead >= Math.max(start, end - longestSequence + 1); lead -= 1) {
    const byte = bytes[lead]!;
    if (byte < 0x80) return end;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return lead + length > end ? lead : end;
    }
  }
  return end;
}
