/** Limits and listeners of a line reader. */
export interface BoundedLineReaderOptions {
  /** Maximum size of a line, without its end. */
  readonly maxBytes: number;
  readonly onLine: (line: string) => void;
  /** Is called once for each longer line, as soon as it is longer. The rest of the line is skipped. */
  readonly onTooLong: () => void;
}

/**
 * Returns a function that splits the bytes of a stream into lines of UTF-8, wherever it is cut. It keeps one
 * incomplete line of at most `maxBytes`, since the other side may never end one. `\r` is a part of the line.
 */
export function createBoundedLineReader(options: BoundedLineReaderOptions): (bytes: Uint8Array) => void {
  const { maxBytes, onLine, onTooLong } = options;
  /** The beginning of the current line, in its first `size` bytes. */
  let kept = Buffer.alloc(0);
  let size = 0;
  let isSkipping = false;

  function keep(part: Uint8Array): void {
    if (isSkipping || part.length === 0) return;
    const needed = size + part.length;
    if (needed > maxBytes) {
      isSkipping = true;
      kept = Buffer.alloc(0);
      size = 0;
      return onTooLong();
    }
    if (needed > kept.length) {
      // Twice the size, so that a line of many pieces is copied in linear time.
      const larger = Buffer.alloc(Math.max(needed, 2 * kept.length));
      larger.set(kept.subarray(0, size));
      kept = larger;
    }
    kept.set(part, size);
    size = needed;
  }

  function finish(part: Uint8Array): void {
    keep(part);
    if (isSkipping) {
      isSkipping = false;
      return;
    }
    const line = kept.toString("utf8", 0, size);
    kept = Buffer.alloc(0);
    size = 0;
    onLine(line);
  }

  return (bytes) => {
    let start = 0;
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
      const part = bytes.subarray(start, end);
      // Most lines arrive whole.
      if (size === 0 && !isSkipping && part.length <= maxBytes) onLine(toText(part));
      else finish(part);
      start = end + 1;
    }
    keep(bytes.subarray(start));
  };
}

function toText({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString();
}

const newline = 0x0a;
