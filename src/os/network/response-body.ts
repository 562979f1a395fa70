import { type BoundedText, readOutput, readStart } from "../processes/program-output.ts";

/**
 * Options of `fetch` for {@link readBody}. The runtime's own decompression has no limit: a few megabytes
 * could become as many gigabytes before the reader sees their size.
 */
export const boundedFetch = { decompress: false, headers: { "Accept-Encoding": "gzip" } } as const;

/**
 * Reads a body of at most `maxBytes` decoded bytes, plain or gzip, and closes the connection of a longer one.
 * Rejects when it breaks off.
 */
export async function readBody(response: Response, maxBytes: number): Promise<BoundedText> {
  const encoding = response.headers.get("content-encoding")?.trim().toLowerCase() || "identity";
  if (response.body === null) return { text: "", fault: undefined };
  if (encoding !== "identity" && encoding !== "gzip") {
    await response.body.cancel();
    return { text: "", fault: `its content encoding "${encoding.slice(0, 40)}" was not requested` };
  }
  return encoding === "gzip"
    ? readStart(await decompress(response.body), maxBytes)
    : readOutput(response.body, maxBytes);
}

/**
 * Parses JSON whose objects and arrays are nested at most `maxDepth` deep, because recursive code that reads
 * a deeper value could exhaust the stack. Throws a `SyntaxError`.
 */
export function parseBoundedJson(text: string, maxDepth = 64): unknown {
  let depth = 0;
  let isString = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (isString) {
      if (code === backslash) at += 1;
      else if (code === quote) isString = false;
    } else if (code === quote) isString = true;
    else if (code === openBrace || code === openBracket) {
      depth += 1;
      if (depth > maxDepth) throw new SyntaxError(`the JSON is nested more than ${maxDepth} levels deep`);
    } else if (code === closeBrace || code === closeBracket) depth -= 1;
  }
  return JSON.parse(text);
}

const quote = 0x22;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** Loads Node's streams, which most answers do not need. */
async function decompress(source: ReadableStream<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const [{ Readable }, { createGunzip }] = await Promise.all([import("node:stream"), import("node:zlib")]);
  const body = Readable.fromWeb(source as Parameters<typeof Readable.fromWeb>[0]);
  const gunzip = createGunzip();
  body.on("error", (error) => gunzip.destroy(error));
  // The end of a reader that leaves the iteration, which closes the connection.
  gunzip.on("close", () => body.destroy());
  return body.pipe(gunzip);
}
