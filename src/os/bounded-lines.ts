export interface BoundedLineOptions {
  /** Maximum size of a line without its end. */
  readonly maxBytes: number;
  readonly onLine: (line: string) => void;
  /** Is called once for each longer line, with its first `maxBytes` bytes; the rest of the line is skipped. */
  readonly onTooLong: (start: string) => void;
}

export interface BoundedLineReader {
  push(bytes: Uint8Array): void;
  /** Reports what follows the last line end, if anything. */
  end(): void;
}

/**
 * Splits a stream of bytes into lines, wherever it is cut. It keeps one incomplete line of at most `maxBytes`, since the other side may never end
 * one. `\r` is a part of the line.
 */
export function createBoundedLineReader(options: BoundedLineOptions): BoundedLineReader {
  const { maxBytes, onLine, onTooLong } = options;
  /** The beginning of the current line, in its first `size` bytes. */
  let kept = Buffer.alloc(0);
  let size = 0;
  let isSkipping = false;

  function take(part: Uint8Array): void {
    if (isSkipping) return;
    const room = maxBytes - size;
    isSkipping = part.length > room;
    keep(isSkipping ? part.subarray(0, room) : part);
    if (isSkipping) onTooLong(release());
  }

  function keep(part: Uint8Array): void {
    if (part.length === 0) return;
    const needed = size + part.length;
    if (needed > kept.length) {
      // Twice the size, so that a line of many pieces is copied in linear time.
      const larger = Buffer.alloc(Math.min(maxBytes, Math.max(needed, 2 * kept.length)));
      larger.set(kept.subarray(0, size));
      kept = larger;
    }
    kept.set(part, size);
    size = needed;
  }

  function release(): string {
    const text = kept.toString("utf8", 0, size);
    kept = Buffer.alloc(0);
    size = 0;
    return text;
  }

  function finish(): void {
    if (isSkipping) isSkipping = false;
    else onLine(release());
  }

  return {
    push(bytes) {
      let start = 0;
      for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
        take(bytes.subarray(start, end));
        finish();
        start = end + 1;
      }
      take(bytes.subarray(start));
    },
    end() {
      if (size > 0 || isSkipping) finish();
    },
  };
}

const newline = 0x0a;
