import type { ServerResponse } from "node:http";
import { setImmediate } from "node:timers/promises";
import { TLSSocket } from "node:tls";
import { createGarbageMeter } from "../../os/this-process/garbage-meter.ts";
import { loadSendFile } from "./send-file.ts";

/** A file that is open for reading, such as a `FileHandle` of Node. */
export interface OpenFile {
  readonly fd: number;
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
}

/** A part of an open file, which the kernel sends where it can. Close the file when the answer is sent. */
export interface FilePiece {
  readonly file: OpenFile;
  /** The first byte. */
  readonly start: number;
  /** The byte behind the last one. */
  readonly end: number;
}

/** What an answer is made of: bytes, a text, or a part of a file. */
export type Piece = Uint8Array | string | FilePiece;

/** A body in pieces. An answer is sent at the pace of its client. */
export type Pieces = Iterable<Piece> | AsyncIterable<Piece>;

export interface WriteOptions {
  /** Maximum milliseconds in which a client must read what is written to it. */
  readonly stallMs: number | undefined;
  /** The announced length of the body; NaN when none is. */
  readonly length: number;
  /** Ends the answer, with its last bytes. Resolves to whether all was sent. */
  readonly end: (bytes?: Uint8Array | string) => Promise<boolean>;
}

/**
 * Writes an answer at the pace of its client. Resolves to whether all was sent: not when the client goes away or reads
 * too slowly. With the last byte of an announced length the answer ends at once, since the client may send its next
 * request as soon as it has that byte.
 */
export async function writePieces(
  response: ServerResponse,
  pieces: Pieces,
  options: WriteOptions,
): Promise<boolean> {
  const { stallMs, length, end } = options;
  const sendFile = createFileSender(response, length);
  let written = 0;
  for await (const piece of pieces) {
    if (response.closed) return false;
    const bytes = toSize(piece);
    if (bytes === 0) continue;
    written += bytes;
    const isLast = written === length;
    if (typeof piece === "object" && "file" in piece) {
      for await (const part of sendFile(piece)) if (!(await write(response, part, stallMs))) return false;
      collectGarbageAt((fileBytes += bytes));
      if (isLast) return end();
    } else if (isLast) return end(piece);
    else if (!(await write(response, piece, stallMs))) return false;
  }
  return end();
}

/**
 * Sends parts of files by the kernel as long as the client takes them. What it yields is to be written the other way,
 * which also waits until the client takes more.
 */
function createFileSender(
  response: ServerResponse,
  length: number,
): (piece: FilePiece) => AsyncGenerator<Uint8Array, void> {
  const socket = response.socket as
    | (ServerResponse["socket"] & { readonly _handle?: { readonly fd?: unknown } })
    | null;
  // Bytes of other answers are encrypted, framed in chunks, or must not be sent.
  const isPlain =
    !(socket instanceof TLSSocket) &&
    length > 0 &&
    response.req.method !== "HEAD" &&
    response.statusCode < 300;
  const send = isPlain ? loadSendFile() : undefined;
  // What was written before must have left this process, or it would be sent after the file.
  const isFlushed = () => socket?.destroyed === false && socket.writableLength === 0;
  const sendNow = (file: number, start: number, bytes: number): number => {
    const fd = socket?._handle?.fd;
    return send !== undefined && typeof fd === "number" && fd > 2 && isFlushed()
      ? send(fd, file, start, Math.min(bytes, sentBytes))
      : 0;
  };
  return async function* (piece) {
    let buffer: Buffer | undefined;
    for (let at = piece.start; at < piece.end;) {
      const sent = sendNow(piece.file.fd, at, piece.end - at);
      at += sent;
      // Others have their turn, however quickly this client reads.
      if (sent > 0 && at < piece.end) await setImmediate();
      if (sent > 0) continue;
      buffer ??= Buffer.allocUnsafeSlow(copiedBytes);
      const { bytesRead } = await piece.file.read(buffer, 0, Math.min(buffer.length, piece.end - at), at);
      if (bytesRead === 0) throw new Error("a file ends before the part of it that is to be sent");
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
      if (bytesRead < copiedBytes) buffer = undefined;
    }
  };
}

/** The bytes of a piece. */
function toSize(piece: unknown): number {
  if (typeof piece === "string") return Buffer.byteLength(piece);
  if (piece instanceof Uint8Array) return piece.length;
  const { file, start, end } = Object(piece) as Partial<FilePiece>;
  const isFile = typeof file?.fd === "number" && Number.isSafeInteger(start) && Number.isSafeInteger(end);
  if (isFile && start! >= 0 && end! >= start!) return end! - start!;
  throw new Error(
    `a piece of an answer must be a string, a Uint8Array or { file, start, end }, not ${toKind(piece)}`,
  );
}

/** Describes a value of the wrong type. */
export function toKind(value: unknown): string {
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

async function write(
  response: ServerResponse,
  bytes: Uint8Array | string,
  stallMs: number | undefined,
): Promise<boolean> {
  return response.write(bytes) || drained(response, stallMs);
}

/** Resolves to `false` when the client goes away or reads too slowly; it is then disconnected. */
function drained(response: ServerResponse, stallMs: number | undefined): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const onDrain = () => resolve(true);
  const onClose = () => resolve(false);
  const timer = stallMs === undefined ? undefined : setTimeout(() => response.socket?.destroy(), stallMs);
  response.once("drain", onDrain);
  response.once("close", onClose);
  return promise.finally(() => {
    clearTimeout(timer);
    response.off("drain", onDrain);
    response.off("close", onClose);
  });
}

/** Requests leave small objects behind, of which the runtime alone would let tens of megabytes accumulate. */
const collectGarbageAt = createGarbageMeter(2 ** 30);

/** Bytes of files in all answers. */
let fileBytes = 0;

/** Smaller buffers may wait in those of a connection when the next one is filled. */
const copiedBytes = 128 * 1024;

/** At a time. */
const sentBytes = 1024 * 1024;
