import { toSize } from "./amounts.ts";

export interface ResponseBody {
  /** The body, or the beginning of it. */
  readonly text: string;
  /** Why the text is not the whole body; `undefined` when it is. */
  readonly fault: string | undefined;
}

/**
 * Options of `fetch` for {@link readBody}. The runtime's own decompression has no limit: a few megabytes could become as many gigabytes before
 * the reader sees their size.
 */
export const boundedFetch = { decompress: false, headers: { "Accept-Encoding": "gzip" } } as const;

/** Reads a body of at most `maxBytes` decoded bytes, plain or gzip, and closes the connection of a longer one. Rejects when it breaks off. */
export async function readBody(response: Response, maxBytes: number): Promise<ResponseBody> {
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

/** Reads at most `maxBytes` of the output of a program, and closes the stream of a longer one. */
export async function readOutput(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<ResponseBody> {
  const reader = stream.getReader();
  const chunks = (async function* () {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  })();
  const body = await readStart(chunks, maxBytes);
  if (body.fault !== undefined) await reader.cancel().catch(() => {});
  return body;
}

/**
 * Parses JSON whose objects and arrays are nested at most `maxDepth` deep, because recursive code that reads a deeper value could exhaust the
 * stack. Throws a `SyntaxError`.
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
  gunzip.on("close", () => body.destroy());
  return body.pipe(gunzip);
}

async function readStart(stream: AsyncIterable<Uint8Array>, maxBytes: number): Promise<ResponseBody> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop destroys a stream of Node's, which closes the connection.
  for await (const chunk of stream) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > maxBytes) {
      const text = decode(chunks.slice(0, 1)).slice(0, maxBytes);
      return { text, fault: `it is larger than ${toSize(maxBytes)}` };
    }
  }
  return { text: decode(chunks), fault: undefined };
}

function decode(chunks: readonly Uint8Array[]): string {
  return new TextDecoder().decode(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
}
