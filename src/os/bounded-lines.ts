export interface BoundedLineReaderOptions {
  /** Longest line, in bytes without its end. */
  readonly maxBytes: number;
  readonly onLine: (line: string) => void;
  /** Called once, as soon as a line is longer. All further bytes are ignored. */
  readonly onTooLong: () => void;
}

/** Splits bytes into lines of UTF-8 text, and never holds more than one line. What follows the last line end is held back. */
export function createBoundedLineReader(options: BoundedLineReaderOptions): (bytes: Uint8Array) => void {
  const { maxBytes, onLine, onTooLong } = options;
  const decoder = new TextDecoder();
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let isOver = false;

  /** Adds a part of a line. Returns whether the line still fits. */
  function hold(part: Uint8Array): boolean {
    heldBytes += part.length;
    if (heldBytes > maxBytes) {
      [held, isOver] = [[], true];
      onTooLong();
      return false;
    }
    // The bytes may only be valid during the call.
    if (part.length > 0) held.push(part.slice());
    return true;
  }

  return (bytes) => {
    for (let from = 0; !isOver;) {
      const end = bytes.indexOf(lineFeed, from);
      if (!hold(bytes.subarray(from, end < 0 ? bytes.length : end)) || end < 0) return;
      const line = decoder.decode(held.length === 1 ? held[0] : Buffer.concat(held));
      [held, heldBytes, from] = [[], 0, end + 1];
      onLine(line);
    }
  };
}

const lineFeed = 0x0a;
