import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
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
  const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
  return readStart(encoding === "gzip" ? decompress(body) : body, maxBytes);
}

/** Reads at most `maxBytes` of the output of a program, and closes the stream of a longer one. */
export function readOutput(stream: ReadableStream<Uint8Array>, maxBytes: number): Promise<ResponseBody> {
  return readStart(Readable.fromWeb(stream as Parameters<typeof Readable.fromWeb>[0]), maxBytes);
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

function decompress(body: Readable): Readable {
  const gunzip = createGunzip();
  body.on("error", (error) => gunzip.destroy(error));
  gunzip.on("close", () => body.destroy());
  return body.pipe(gunzip);
}

async function readStart(stream: Readable, maxBytes: number): Promise<ResponseBody> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop destroys the stream, which closes the connection.
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
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
