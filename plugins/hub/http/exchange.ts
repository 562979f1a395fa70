import type { IncomingMessage, ServerResponse } from "node:http";

/** An HTTP request and its response. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Returns a header by its lower-case name; empty when it is missing. */
  header(name: string): string;
  /** Whether the client runs on this machine. */
  readonly isLocal: boolean;
  /** Resolves at the end of the exchange: `true` when the response was sent completely. */
  readonly closed: Promise<boolean>;
  readonly isClosed: boolean;
  /** Whether the client has closed its connection, possibly after a complete response. */
  readonly isSocketClosed: boolean;
  /** Reads the body. Returns `undefined` when it is incomplete or too large. */
  body(options?: { readonly deadlineMs?: number }): Promise<Uint8Array | undefined>;
  /** Sends a response. Returns `false` when it was not sent completely. */
  send(
    status: number,
    headers: Readonly<Record<string, string>>,
    body: string | Uint8Array,
  ): Promise<boolean>;
  /** Sends the headers and half of the body, then closes the connection. */
  cut(status: number, headers: Readonly<Record<string, string>>, body: string): Promise<void>;
  /** Closes the connection without a response. */
  drop(): void;
  /** Sends a response of unknown length piece by piece. */
  stream(
    headers: Readonly<Record<string, string>>,
    pieces: AsyncIterable<Uint8Array | string>,
  ): Promise<void>;
}

/** Maximum size of a body in bytes: more than the 2000 events that an agent may send at once. */
const bodyLimit = 256 * 1024 * 1024;

export function createExchange(request: IncomingMessage, response: ServerResponse): Exchange {
  const base = "http://hub.invalid";
  const url = URL.parse(request.url ?? "/", base) ?? new URL(base);
  const ended = Promise.withResolvers<boolean>();
  let isClosed = false;
  response.once("close", () => {
    isClosed = true;
    ended.resolve(response.writableFinished);
  });
  const drop = (): void => void request.socket.destroy();
  return {
    method: request.method ?? "GET",
    path: url.pathname,
    query: url.searchParams,
    header: (name) => String(request.headers[name] ?? ""),
    isLocal: /^(::ffff:)?127\.|^::1$/.test(request.socket.remoteAddress ?? ""),
    closed: ended.promise,
    get isClosed() {
      return isClosed;
    },
    get isSocketClosed() {
      return request.socket.destroyed;
    },
    async body({ deadlineMs } = {}) {
      const timer = deadlineMs === undefined ? undefined : setTimeout(drop, deadlineMs);
      const chunks: Buffer[] = [];
      let length = 0;
      try {
        for await (const chunk of request as AsyncIterable<Buffer>) {
          chunks.push(chunk);
          length += chunk.length;
          if (length > bodyLimit) {
            drop();
            return undefined;
          }
        }
        return request.complete ? Buffer.concat(chunks) : undefined;
      } catch {
        return undefined;
      } finally {
        clearTimeout(timer);
      }
    },
    async send(status, headers, body) {
      if (isClosed) return false;
      response.writeHead(status, { "Content-Length": String(Buffer.byteLength(body)), ...headers });
      response.end(body);
      return ended.promise;
    },
    async cut(status, headers, body) {
      if (isClosed) return;
      const bytes = Buffer.from(body);
      response.writeHead(status, { ...headers, "Content-Length": String(Math.max(1, bytes.length)) });
      const half = bytes.subarray(0, bytes.length >> 1);
      await new Promise<void>((resolve) => response.write(half, () => resolve()));
      // The written bytes must reach the network before the connection is closed.
      await Bun.sleep(10);
      drop();
    },
    drop,
    async stream(headers, pieces) {
      response.writeHead(200, headers);
      response.flushHeaders();
      for await (const piece of pieces) {
        if (isClosed) return;
        if (piece.length > 0 && !response.write(piece)) {
          await Promise.race([ended.promise, new Promise((resolve) => response.once("drain", resolve))]);
        }
      }
      response.end();
    },
  };
}
