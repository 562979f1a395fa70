import { toSize } from "../../core/text/amounts.ts";
import { createTextStart } from "../../core/text/text-start.ts";

/** A text of another program or server, cut at a limit. */
export interface BoundedText {
  /** The whole text, or the beginning of it. */
  readonly text: string;
  /** Why the text is not whole; `undefined` when it is. */
  readonly fault: string | undefined;
}

/** Reads at most `maxBytes` of the output of a program, and closes the stream of a longer one. */
export async function readOutput(stream: ReadableStream<Uint8Array>, maxBytes: number): Promise<BoundedText> {
  const reader = stream.getReader();
  const chunks = (async function* () {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  })();
  const output = await readStart(chunks, maxBytes);
  if (output.fault !== undefined) await reader.cancel().catch(() => {});
  return output;
}

/**
 * Reads at most `maxBytes` of a stream, and leaves the iteration of a longer one, which destroys a stream of
 * Node's.
 */
export async function readStart(stream: AsyncIterable<Uint8Array>, maxBytes: number): Promise<BoundedText> {
  const start = createTextStart(maxBytes);
  for await (const chunk of stream) {
    start.add(chunk);
    if (start.isCut) return { text: start.text, fault: `it is larger than ${toSize(maxBytes)}` };
  }
  return { text: start.text, fault: undefined };
}
