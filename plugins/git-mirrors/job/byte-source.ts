import { once } from "node:events";
import type { Socket } from "node:net";

/** Reads a socket by lines first, and then as bytes. */
export interface ByteSource extends AsyncIterable<Uint8Array> {
  /** Resolves to the next line without its end; to `undefined` when there is none of at most `mostBytes`. */
  readLine(): Promise<string | undefined>;
}

export function createByteSource(socket: Socket): ByteSource {
  const pieces = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let rest: Buffer = Buffer.alloc(0);
  return {
    async readLine() {
      for (;;) {
        const end = rest.indexOf(10);
        if (end >= 0) {
          const line = rest.toString("latin1", 0, end).replace(/\r$/, "");
          rest = rest.subarray(end + 1);
          return line;
        }
        if (rest.length > mostBytes) return undefined;
        const { value, done } = await pieces.next();
        if (done) return undefined;
        rest = Buffer.concat([rest, value]);
      }
    },
    async *[Symbol.asyncIterator]() {
      if (rest.length > 0) yield rest;
      rest = Buffer.alloc(0);
      for (;;) {
        const { value, done } = await pieces.next();
        if (done) return;
        yield value;
      }
    },
  };
}

/** Writes bytes, and waits until the receiver keeps up. */
export async function writeAll(socket: Socket, bytes: Uint8Array | string): Promise<void> {
  if (socket.destroyed) throw new Error("the client has gone");
  if (socket.write(bytes)) return;
  const gone = Promise.withResolvers<never>();
  const leave = (): void => gone.reject(new Error("the client has gone"));
  socket.once("close", leave);
  try {
    await Promise.race([once(socket, "drain"), gone.promise]);
  } finally {
    socket.off("close", leave);
  }
}

const mostBytes = 16 * 1024;
