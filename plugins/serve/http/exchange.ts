import type { IncomingMessage, ServerResponse } from "node:http";

/** One request and its answer. */
export interface Exchange {
  readonly method: string;
  /** The path without the query, as it was sent. */
  readonly path: string;
  readonly query: URLSearchParams;
  header(name: string): string | undefined;
  /**
   * Reads the body. Resolves to `undefined` when it is larger than the limit. Rejects when the client goes
   * away.
   */
  body(): Promise<Buffer | undefined>;
  /** Answers with a text. */
  send(status: number, text: string, headers?: Readonly<Record<string, string>>): void;
  /** Answers with a JSON object that has the message. */
  sendMessage(status: number, message: string): void;
  /**
   * Answers 200 with bytes, which are produced at the pace of the client. Resolves to whether the client has
   * got all of them.
   */
  stream(chunks: Iterable<Uint8Array>, contentType: string): Promise<boolean>;
}

export interface ExchangeOptions {
  readonly bodyBytes: number;
  /** Maximum milliseconds in which a client must read what is written to it. */
  readonly stallMs: number;
  /** Called when the body was read. */
  readonly received: () => void;
}

export function createExchange(
  request: IncomingMessage,
  response: ServerResponse,
  options: ExchangeOptions,
): Exchange {
  const target = request.url ?? "/";
  const [path = "/", ...query] = target.split("?");
  let isRead = !isBodyAnnounced(request);
  response.on("error", () => {});
  request.on("error", () => {});

  const end = (status: number, text: string, headers: Readonly<Record<string, string>>): void => {
    response.writeHead(status, {
      ...headers,
      "Content-Length": String(Buffer.byteLength(text)),
      // An unread body would be taken for the next request.
      ...(!isRead && { Connection: "close" }),
    });
    response.end(text);
    if (!isRead) discard(request);
  };

  return {
    method: request.method ?? "",
    path,
    query: new URLSearchParams(query.join("?")),
    header(name) {
      const value = request.headers[name];
      return Array.isArray(value) ? value[0] : value;
    },
    async body() {
      const announced = Number(request.headers["content-length"] ?? 0);
      if (announced > options.bodyBytes) return undefined;
      if (request.headers.expect !== undefined) response.writeContinue();
      const body = await readBody(request, options.bodyBytes);
      isRead = body !== undefined;
      if (isRead) options.received();
      return body;
    },
    send: (status, text, headers = { "Content-Type": "text/plain; charset=utf-8" }) =>
      end(status, text, headers),
    sendMessage(status, message) {
      end(status, `{"message": ${JSON.stringify(message)}}`, { "Content-Type": "application/json" });
    },
    async stream(chunks, contentType) {
      response.writeHead(200, { "Content-Type": contentType, ...(!isRead && { Connection: "close" }) });
      for (const chunk of chunks) {
        if (response.destroyed) return false;
        if (!response.write(chunk) && !(await drained(response, options.stallMs))) return false;
      }
      return ended(response, options.stallMs);
    },
  };
}

function isBodyAnnounced({ headers }: IncomingMessage): boolean {
  const length = headers["content-length"];
  return headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}

/** Reads on for a while, so that the client sees the answer before the connection is closed. */
function discard(request: IncomingMessage): void {
  request.resume();
  const { socket } = request;
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
  const onClose = () => reject(new Error("the client closed the connection"));
  if (request.socket.destroyed) onClose();
  request.socket.once("close", onClose);
  return promise.finally(() => request.socket.off("close", onClose));
}

/** Resolves to `false` when the client goes away or reads too slowly; it is then disconnected. */
function drained(response: ServerResponse, stallMs: number): Promise<boolean> {
  return settled(response, "drain", stallMs);
}

function ended(response: ServerResponse, stallMs: number): Promise<boolean> {
  const finished = settled(response, "finish", stallMs);
  response.end();
  return finished;
}

function settled(response: ServerResponse, event: "drain" | "finish", stallMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const onEvent = () => resolve(true);
  const onClose = () => resolve(false);
  const timer = setTimeout(() => response.socket?.destroy(), stallMs);
  response.once(event, onEvent);
  response.once("close", onClose);
  return promise.finally(() => {
    clearTimeout(timer);
    response.off(event, onEvent);
    response.off("close", onClose);
  });
}
