import type { IncomingMessage, ServerResponse } from "node:http";

/** One request and its answer, in the hands of whoever handles it. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** By lower-case name; empty when it is not there. */
  header(name: string): string;
  readonly isLocal: boolean;
  /** The client went, or everything is sent (`true`). */
  readonly closed: Promise<boolean>;
  readonly isClosed: boolean;
  /** The client has closed its connection, also after a whole answer. */
  readonly hasLeft: boolean;
  /** `undefined` when it never came whole, or is larger than the hub takes. */
  body(options?: { readonly deadlineMs?: number }): Promise<Uint8Array | undefined>;
  /** `false` when the answer did not go out whole. */
  send(
    status: number,
    headers: Readonly<Record<string, string>>,
    body: string | Uint8Array,
  ): Promise<boolean>;
  /** The head and half of the body, then the connection breaks. */
  cut(status: number, headers: Readonly<Record<string, string>>, body: string): Promise<void>;
  /** Closes the connection without an answer. */
  drop(): void;
  /** Sends pieces as they come. */
  stream(
    headers: Readonly<Record<string, string>>,
    pieces: AsyncIterable<Uint8Array | string>,
  ): Promise<void>;
}

/** More than any agent sends at once: 2000 events. */
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
    get hasLeft() {
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
      // What was written must be out before the connection breaks.
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
