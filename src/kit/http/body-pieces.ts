import type { IncomingMessage } from "node:http";

/** A body cannot be read to its end, because the client has left. */
export class ClientGone extends Error {}

/** The slowest pace at which a client may send a body. */
export interface BodyPace {
  readonly bytesPerSecond: number;
  /** Milliseconds by which the client may fall behind. */
  readonly lagMs: number;
}

/**
 * Reads a body at the pace of the reader, and keeps some hundred kilobytes at most: the socket is paused, since
 * Bun's requests go on reading it when they are paused themselves. Only time in which the reader waits counts
 * against the client. Throws when the client goes away or is too slow; it is then disconnected.
 */
export async function* readPieces(
  request: IncomingMessage,
  { bytesPerSecond, lagMs }: BodyPace,
): AsyncGenerator<Buffer, void> {
  const { socket } = request;
  const pieces: Buffer[] = [];
  let keptBytes = 0;
  let state: "open" | "whole" | "gone" = socket.destroyed ? "gone" : "open";
  let waiting: (() => void) | undefined;
  let leftMs = lagMs;
  const wake = (): void => {
    waiting?.();
    waiting = undefined;
  };
  const onData = (piece: Buffer): void => {
    pieces.push(piece);
    keptBytes += piece.length;
    if (keptBytes >= mostKeptBytes) socket.pause();
    wake();
  };
  const onEnd = (): void => {
    state = "whole";
    wake();
  };
  const onClose = (): void => {
    if (state === "open") state = "gone";
    wake();
  };
  const wait = async (): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting = resolve;
    const startedAt = performance.now();
    const timer = setTimeout(() => socket.destroy(), leftMs);
    socket.resume();
    await promise;
    clearTimeout(timer);
    leftMs -= performance.now() - startedAt;
  };

  request.on("data", onData);
  request.once("end", onEnd);
  socket.once("close", onClose);
  try {
    for (;;) {
      const piece = pieces.shift();
      if (piece !== undefined) {
        keptBytes -= piece.length;
        leftMs = Math.min(lagMs, leftMs + (piece.length / bytesPerSecond) * 1000);
        yield piece;
      } else if (state === "open") await wait();
      else break;
    }
  } finally {
    request.off("data", onData);
    request.off("end", onEnd);
    socket.off("close", onClose);
    socket.resume();
  }
  if (state === "gone") throw new ClientGone("the client closed the connection, or sent its body too slowly");
}

const mostKeptBytes = 1024 * 1024;
