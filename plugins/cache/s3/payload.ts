import type { Exchange } from "signalman/http";
import { createFault } from "../store/fault.ts";
import { readAmzHeaders } from "./amz-headers.ts";
import { type SignedRequest, unsignedPayload } from "./authenticate.ts";
import { decodeChunks } from "./chunked-payload.ts";
import { type BodyDigests, createDigests } from "./digests.ts";

/** The body of a request, decoded. */
export interface Payload {
  /** Bytes. */
  readonly length: number;
  /** Reads the body and passes it on; resolves once all of it is verified. Throws the fault. */
  read(write: (bytes: Buffer) => Promise<void> | void): Promise<BodyDigests>;
}

/** Throws the fault of a body that cannot be read, before any of it is. */
export function openPayload(exchange: Exchange, signed: SignedRequest): Payload {
  const amz = readAmzHeaders(exchange);
  const encoding = findEncoding(signed.payload);
  const isHashed = encoding === undefined && signed.payload !== unsignedPayload;
  const length = readLength(
    encoding ? (amz.get("x-amz-decoded-content-length") ?? "") : exchange.header("content-length"),
  );
  const digests = createDigests(amz, exchange.header("content-md5"), isHashed ? signed.payload : undefined);
  return {
    length,
    async read(write) {
      let trailer: ReadonlyMap<string, string> = new Map();
      const raw = exchange.bodyPieces();
      const pieces = encoding
        ? decodeChunks(raw, {
            chain: encoding.isSigned ? signed.chain : undefined,
            hasTrailer: encoding.hasTrailer,
            onTrailer: (fields) => void (trailer = fields),
          })
        : raw;
      let received = 0;
      try {
        for await (const bytes of pieces) {
          received += bytes.length;
          if (received > length) throw createFault("IncompleteBody", "the body is longer than announced");
          digests.update(bytes);
          await write(bytes);
        }
      } finally {
        await raw.return();
      }
      if (received < length) throw createFault("IncompleteBody", "the body is shorter than announced");
      return digests.verify(trailer);
    },
  };
}

/** Reads a body as a whole, at most `mostBytes`; a larger one is not read. */
export async function readWhole(payload: Payload, mostBytes: number): Promise<Buffer> {
  if (payload.length > mostBytes)
    throw createFault("MalformedXML", `the body is larger than ${mostBytes} bytes`);
  const pieces: Buffer[] = [];
  await payload.read((bytes) => void pieces.push(bytes));
  return Buffer.concat(pieces);
}

interface Encoding {
  readonly isSigned: boolean;
  readonly hasTrailer: boolean;
}

/** Returns how the body is encoded; `undefined` for one that is sent as it is. */
function findEncoding(payload: string): Encoding | undefined {
  if (payload === unsignedPayload || /^[0-9a-f]{64}$/.test(payload)) return undefined;
  const encoding = encodings[payload];
  if (encoding !== undefined) return encoding;
  throw payload.startsWith("STREAMING-")
    ? createFault("NotImplemented", `the payload "${payload.slice(0, 100)}" is not implemented here`)
    : createFault(
        "InvalidArgument",
        "x-amz-content-sha256 has to be a SHA-256 in hexadecimal or UNSIGNED-PAYLOAD",
      );
}

const encodings: Readonly<Record<string, Encoding>> = {
  "STREAMING-AWS4-HMAC-SHA256-PAYLOAD": { isSigned: true, hasTrailer: false },
  "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER": { isSigned: true, hasTrailer: true },
  "STREAMING-UNSIGNED-PAYLOAD-TRAILER": { isSigned: false, hasTrailer: true },
};

function readLength(text: string): number {
  if (text === "")
    throw createFault("MissingContentLength", "the request does not announce the length of its body");
  if (!/^\d{1,15}$/.test(text)) throw createFault("InvalidArgument", "the length of the body is not valid");
  return Number(text);
}
