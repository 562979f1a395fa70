import { createHash } from "node:crypto";
import { isSameToken } from "signalman/http";
import { createFault } from "../store/fault.ts";
import type { SignatureChain } from "./authenticate.ts";
import { signText, toScopeText } from "./canonical-request.ts";

export interface ChunkedOptions {
  /** Left out: chunks are not signed. */
  readonly chain: SignatureChain | undefined;
  readonly hasTrailer: boolean;
  /** Receives the trailer's fields, by their names in lower case. */
  readonly onTrailer: (fields: ReadonlyMap<string, string>) => void;
}

/**
 * Decodes a body in the encoding `aws-chunked`, and checks the signature of each chunk once its bytes have been
 * yielded: they are valid when the generator has ended. Throws the fault.
 */
export async function* decodeChunks(
  pieces: AsyncIterator<Buffer>,
  { chain, hasTrailer, onTrailer }: ChunkedOptions,
): AsyncGenerator<Buffer, void> {
  const input = createInput(pieces);
  let previous = chain?.seed ?? "";
  const check = (kind: string, given: string, lines: readonly string[]): void => {
    if (chain === undefined) return;
    const text = [`AWS4-HMAC-SHA256-${kind}`, chain.time, toScopeText(chain.scope), previous, ...lines];
    previous = signText(chain.key, text.join("\n"));
    if (!isSameToken(given, previous))
      throw createFault("SignatureDoesNotMatch", "the signature of a chunk is wrong");
  };
  for (;;) {
    const { size, signature } = parseChunkHead(await input.line());
    const hash = createHash("sha256");
    for (let left = size; left > 0;) {
      const bytes = await input.bytes(left);
      if (chain) hash.update(bytes);
      left -= bytes.length;
      yield bytes;
    }
    check("PAYLOAD", signature, [emptyHash, hash.digest("hex")]);
    if (size === 0) break;
    if ((await input.line()) !== "") throw malformed();
  }
  const lines: string[] = [];
  for (let line = await input.line(); line !== ""; line = await input.line()) {
    lines.push(line);
    if (!hasTrailer || lines.length > mostTrailers) throw malformed();
  }
  const fields = new Map(lines.map((line) => parseField(line)));
  const given = fields.get(trailerSignature) ?? "";
  fields.delete(trailerSignature);
  const signed = Array.from(fields, ([name, value]) => `${name}:${value}\n`).join("");
  if (hasTrailer) check("TRAILER", given, [createHash("sha256").update(signed).digest("hex")]);
  onTrailer(fields);
  if (await input.hasMore()) throw malformed();
}

interface Input {
  /** Reads a line, without its end. */
  line(): Promise<string>;
  /** Reads some bytes, at most as many as given. */
  bytes(most: number): Promise<Buffer>;
  hasMore(): Promise<boolean>;
}

function createInput(pieces: AsyncIterator<Buffer>): Input {
  let rest: Buffer = Buffer.alloc(0);
  const more = async (): Promise<boolean> => {
    const { done, value } = await pieces.next();
    if (done) return false;
    rest = rest.length === 0 ? value : Buffer.concat([rest, value]);
    return true;
  };
  const take = (count: number): Buffer => {
    const taken = rest.subarray(0, count);
    rest = rest.subarray(count);
    return taken;
  };
  return {
    async line() {
      for (;;) {
        const end = rest.subarray(0, mostLineBytes).indexOf("\r\n");
        if (end !== -1) return take(end + 2).toString("latin1", 0, end);
        if (rest.length >= mostLineBytes) throw malformed();
        if (!(await more())) throw createFault("IncompleteBody", "the body ends within a chunk");
      }
    },
    async bytes(most) {
      while (rest.length === 0)
        if (!(await more())) throw createFault("IncompleteBody", "the body ends within a chunk");
      return take(most);
    },
    async hasMore() {
      while (rest.length === 0) if (!(await more())) return false;
      return true;
    },
  };
}

/** `<size in hexadecimal>[;chunk-signature=<signature>]`. */
function parseChunkHead(line: string): { size: number; signature: string } {
  const [, size, signature = ""] = /^([0-9a-f]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?$/i.exec(line) ?? [];
  if (size === undefined) throw malformed();
  return { size: Number.parseInt(size, 16), signature };
}

function parseField(line: string): [name: string, value: string] {
  const [, name, value] = /^([\w-]+):(.*)$/.exec(line) ?? [];
  if (name === undefined) throw malformed();
  return [name.toLowerCase(), value!.trim()];
}

function malformed(): Error {
  return createFault("InvalidRequest", "the body is not valid aws-chunked content");
}

const emptyHash = createHash("sha256").digest("hex");
const trailerSignature = "x-amz-trailer-signature";
const mostLineBytes = 1024;
const mostTrailers = 8;
