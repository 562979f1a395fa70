/** Splits a stream of JSON lines into messages. Lines that are not JSON are skipped. */
export function createLineReader<T>(onMessage: (message: T) => void): (bytes: Uint8Array) => void {
  const decoder = new TextDecoder();
  let rest = "";
  return (bytes) => {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    // No message of the protocol is longer; a client must not be able to exhaust the memory.
    if (rest.length > maxLineLength) rest = "";
    for (const line of lines) {
      try {
        onMessage(JSON.parse(line) as T);
      } catch {
        // Not a message.
      }
    }
  };
}

const maxLineLength = 64 * 1024;
