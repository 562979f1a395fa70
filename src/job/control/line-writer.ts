/** The part of a socket that lines are written to. */
interface LineSocket {
  /** Returns the number of bytes that the socket's buffer has taken. */
  write(bytes: Uint8Array): number;
}

/** Writes whole lines to a socket: the reader never sees the beginning of a line without its end. */
export interface LineWriter {
  /** Writes a message as one line of JSON. Returns `false` when the peer does not read, and the message is dropped. */
  write(message: unknown): boolean;
  /** The socket takes bytes again. */
  drained(): void;
}

/** Bytes that are kept for a peer that does not read. */
const maxKeptBytes = 256 * 1024;

export function createLineWriter(socket: LineSocket): LineWriter {
  let kept: Uint8Array = nothing;
  const flush = () => {
    const written = Math.max(0, socket.write(kept));
    kept = written === kept.length ? nothing : kept.subarray(written);
  };
  return {
    write(message) {
      const line = Buffer.from(`${JSON.stringify(message)}\n`);
      if (kept.length + line.length > maxKeptBytes) return false;
      const isWaiting = kept.length > 0;
      kept = isWaiting ? Buffer.concat([kept, line]) : line;
      if (!isWaiting) flush();
      return true;
    },
    drained() {
      if (kept.length > 0) flush();
    },
  };
}

const nothing = new Uint8Array(0);
