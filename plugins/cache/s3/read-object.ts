import type { FilePiece } from "signalman/http";
import { createFault } from "../store/fault.ts";
import { assertAmzHeaders } from "./amz-headers.ts";
import type { ObjectCall } from "./call.ts";
import { isUnmodified } from "./conditions.ts";
import { toObjectHeaders } from "./object-headers.ts";

/** GetObject and HeadObject. Bytes are verified before they are sent. */
export async function readObject({ exchange, amz, store, name, use }: ObjectCall): Promise<boolean> {
  assertAmzHeaders(amz, (header) => header === "x-amz-checksum-mode");
  using object = await store.open(name);
  if (object === undefined) {
    use.missing(name.key);
    throw createFault("NoSuchKey", "the object does not exist");
  }
  const { manifest } = object;
  if (isUnmodified(exchange, manifest)) return exchange.stream(304, [], { etag: `"${manifest.etag}"` });

  const { size } = manifest;
  const range = parseRange(exchange.header("range"), size);
  if (range === "unsatisfiable")
    throw createFault("InvalidRange", `the range is not satisfiable: the object has ${size} bytes`);
  const { start, end } = range ?? { start: 0, end: size };
  const headers = {
    ...toObjectHeaders(manifest, amz, range === undefined),
    "content-length": String(end - start),
    ...(range && { "content-range": `bytes ${start}-${end - 1}/${size}` }),
  };
  const status = range ? 206 : 200;
  if (exchange.method === "HEAD") return exchange.stream(status, [], headers);

  using _transfer = use.transfer("restored");
  const blocks = object.read(start, end);
  try {
    // An object whose first block is damaged is missing.
    const first = await blocks.next().catch((cause: unknown) => {
      throw createFault("NoSuchKey", "the object was damaged, and is removed", cause);
    });
    if (first.done) use.restored(0, start === 0);
    const pieces = first.done ? [] : countPieces(first.value, blocks, { use, isFromStart: start === 0 });
    return await exchange.stream(status, pieces, headers);
  } finally {
    await blocks.return();
  }
}

/** Counts pieces when they are sent: the client has the last one before its connection is known to be idle. */
async function* countPieces(
  first: FilePiece,
  rest: AsyncIterable<FilePiece>,
  { use, isFromStart }: Pick<ObjectCall, "use"> & { readonly isFromStart: boolean },
): AsyncGenerator<FilePiece> {
  use.restored(first.end - first.start, isFromStart);
  yield first;
  for await (const piece of rest) {
    use.restored(piece.end - piece.start, false);
    yield piece;
  }
}

/**
 * Parses a range to its first byte and the one behind its last. `undefined`: the whole object is sent, as for
 * headers that are malformed or name several ranges.
 */
function parseRange(
  header: string,
  size: number,
): { readonly start: number; readonly end: number } | "unsatisfiable" | undefined {
  const [, first, last] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.replaceAll(" ", "")) ?? [];
  if (first === undefined || last === undefined || (first === "" && last === "")) return undefined;
  if (first === "") {
    if (Number(last) === 0) return "unsatisfiable";
    // The last bytes of an empty object are all of it, which no range can say.
    return size === 0 ? undefined : { start: Math.max(0, size - Number(last)), end: size };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return undefined;
  return start >= size
    ? "unsatisfiable"
    : { start, end: last === "" ? size : Math.min(Number(last) + 1, size) };
}
