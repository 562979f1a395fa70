import { createBoundedLineReader } from "../../core/text/bounded-lines.ts";

/**
 * Splits a stream of JSON lines into messages. Lines that are not JSON, or longer than any message of the
 * protocol, are skipped.
 */
export function createLineReader<T>(onMessage: (message: T) => void): (bytes: Uint8Array) => void {
  return createBoundedLineReader({
    maxBytes: 64 * 1024,
    onLine(line) {
      try {
        onMessage(JSON.parse(line) as T);
      } catch {
        // Not a message.
      }
    },
    onTooLong: () => {},
  });
}
