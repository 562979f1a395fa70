import type { IncomingMessage, ServerResponse } from "node:http";
import { ClientGone, readPieces } from "./body-pieces.ts";
import type { Connection, ConnectionLimits } from "./connections.ts";
import { type Pieces, toKind, writePieces } from "./write-pieces.ts";

/** One request and its answer. */
export interface Exchange {
  readonly method: string;
  /** The path without the query, as it was sent. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The query as it was sent, without the question mark. */
  readonly queryText: string;
  /** Returns a header by its name in lower case; empty when it is missing. */
  header(name: string): string;
  /** The names of the headers, in lower case. */
  readonly headerNames: readonly string[];
  /** The client's address; empty for a client of a socket, and after the connection is closed. */
  readonly remoteAddress: string;
  /** Resolves at the end of the exchange to whether the whole answer was sent. */
  readonly closed: Promise<boolean>;
  readonly isClosed: boolean;
  /** Whether the answer has begun. */
  readonly hasBegun: boolean;
  /** Whether the connection is closed, possibly after a complete answer. */
  readonly isDisconnected: boolean;
  /**
   * Reads the body. Resolves to `undefined` when it is larger than the limit. Rejects when the client goes
   * away.
   */
  body(): Promise<Buffer | undefined>;
  /**
   * Reads the body piece by piece, at the pace of the reader, however large it is. A reader that stops early
   * leaves the rest unread. Throws when the client goes away or is slower than `bodyRate`, which disconnects it.
   */
  bodyPieces(): AsyncGenerator<Buffer, void>;
  /**
   * Answers with a text (`text/plain` by default). Resolves to whether all of it was sent. Rejects when the
   * request is answered already, or status, text or headers are invalid.
   */
  send(status: number, text: string, headers?: Headers): Promise<boolean>;
  /**
   * Answers with pieces, which are produced at the pace of the client. Resolves to whether all of them were
   * sent. A buffer of 128 KiB or more may be reused when the next piece is asked for. Rejects as `send` does, and
   * when a piece cannot be produced or is none; the connection is then closed.
   */
  stream(status: number, pieces: Pieces, headers: Headers): Promise<boolean>;
  /** Closes the connection without an answer, or in the middle of it. */
  drop(): void;
}

type Headers = Readonly<Record<string, string>>;

export interface ExchangeLimits {
  /** Maximum size of a request's body in bytes. Left out: bodies are not read. */
  readonly bodyBytes?: number;
  /** Maximum milliseconds in which a client must read what is written to it. Left out: no limit. */
  readonly stallMs?: number;
  /**
   * Minimum bytes per second of a body that is read by pieces. A client may fall behind by as many milliseconds
   * as `requestMs`. Left out: 16 KiB.
   */
  readonly bodyRate?: number;
}

export interface ExchangeOptions {
  readonly limits: ExchangeLimits & Pick<ConnectionLimits, "requestMs">;
  readonly connection: Pick<Connection, "answering" | "isLast">;
}

export function createExchange(
  request: IncomingMessage,
  response: ServerResponse,
  { limits, connection }: ExchangeOptions,
): Exchange {
  const { bodyBytes = 0, stallMs, bodyRate = 16 * 1024, requestMs } = limits;
  const ended = Promise.withResolvers<boolean>();
  let isRead = !hasBody(request);
  let isClosed = false;
  for (const each of [request, response]) each.on("error", () => {});
  response.once("close", () => {
    isClosed = true;
    ended.resolve(response.writableFinished);
  });

  let hasBegun = false;
  const begin = (status: number, headers: Headers): void => {
    if (hasBegun) throw new Error("the request is answered already");
    assertStatus(status);
    // An unread body would be taken for the next request.
    const last = (!isRead || connection.isLast) && { Connection: "close" };
    response.writeHead(status, { ...headers, ...last });
    hasBegun = true;
  };
  const end = (text?: Uint8Array | string): Promise<boolean> => {
    const timer = stallMs === undefined ? undefined : setTimeout(() => request.socket.destroy(), stallMs);
    response.end(text);
    if (!isRead) discard(request);
    return ended.promise.finally(() => clearTimeout(timer));
  };

  return {
    method: request.method ?? "",
    ...parseTarget(request.url ?? "/"),
    headerNames: Object.keys(request.headers),
    header: (name) => String(request.headers[name] ?? ""),
    remoteAddress: request.socket.remoteAddress ?? "",
    closed: ended.promise,
    get isClosed() {
      return isClosed;
    },
    get hasBegun() {
      return hasBegun;
    },
    get isDisconnected() {
      return request.socket.destroyed;
    },
    async body() {
      const announced = Number(request.headers["content-length"] ?? 0);
      if (announced > bodyBytes) return undefined;
      if (request.headers.expect !== undefined) response.writeContinue();
      const body = await readBody(request, bodyBytes);
      isRead = body !== undefined;
      if (isRead) connection.answering();
      return body;
    },
    async *bodyPieces() {
      if (request.headers.expect !== undefined) response.writeContinue();
      // From here on the client's pace is measured, so that no other client takes this connection's place.
      connection.answering();
      yield* readPieces(request, { bytesPerSecond: bodyRate, lagMs: requestMs });
      isRead = true;
    },
    async send(status, text, headers = plainText) {
      if (isClosed) return false;
      assertText(text);
      begin(status, { ...headers, "Content-Length": String(Buffer.byteLength(text)) });
      return end(request.method === "HEAD" ? undefined : text);
    },
    async stream(status, pieces, headers) {
      if (isClosed) return false;
      begin(status, headers);
      response.flushHeaders();
      try {
        return await writePieces(response, pieces, { stallMs, length: findLength(headers), end });
      } catch (error) {
        request.socket.destroy();
        throw error;
      }
    },
    drop: () => void request.socket.destroy(),
  };
}

/** Returns the announced length of a body; NaN when none is. */
function findLength(headers: Headers): number {
  return Number(Object.entries(headers).find(([name]) => name.toLowerCase() === "content-length")?.[1]);
}

function assertStatus(status: unknown): void {
  if (Number.isInteger(status) && (status as number) >= 200 && (status as number) <= 599) return;
  throw new Error(`the status of an answer must be a number from 200 to 599, not ${Bun.inspect(status)}`);
}

function assertText(text: unknown): void {
  if (typeof text !== "string")
    throw new Error(`the text of an answer must be a string, not ${toKind(text)}`);
}

/** Splits a request's target, which has the whole URL when the client takes this server for a proxy. */
function parseTarget(target: string): Pick<Exchange, "path" | "query" | "queryText"> {
  const [path = "", ...query] = target.replace(/^https?:\/\/[^/?]*/i, "").split("?");
  const queryText = query.join("?");
  return { path: path || "/", query: new URLSearchParams(queryText), queryText };
}

/** Whether the request announces a body. */
export function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers["content-length"];
  return headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}

const plainText = { "Content-Type": "text/plain; charset=utf-8" };

/** Reads on for a while, so that the client sees the answer before the connection is closed. */
function discard(request: IncomingMessage): void {
  request.resume();
  const { socket } = request;
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), discardMs);
  socket.once("close", () => clearTimeout(timer));
}

const discardMs = 2000;

function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer | undefined>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  const take = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes <= maxBytes) return void chunks.push(chunk);
    request.off("data", take);
    chunks.length = 0;
    resolve(undefined);
  };
  request.on("data", take);
  request.once("end", () => resolve(Buffer.concat(chunks)));
  const onClose = () => reject(new ClientGone("the client closed the connection"));
  if (request.socket.destroyed) onClose();
  request.socket.once("close", onClose);
  return promise.finally(() => request.socket.off("close", onClose));
}
