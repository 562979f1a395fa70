import type { Duplex } from "node:stream";

export interface ConnectionLimits {
  /** Maximum number of open connections. */
  readonly connections: number;
  /** Maximum number of requests of a connection. Left out: no limit. */
  readonly requests?: number;
  /** Maximum milliseconds for a client to send a request, the TLS handshake included. */
  readonly requestMs: number;
  /** Maximum milliseconds for an answer. Left out: no limit. */
  readonly answerMs?: number;
  /** Maximum milliseconds between two requests of a connection. */
  readonly idleMs: number;
}

/**
 * The open connections of an HTTP server. Each has a time limit, and their number is limited: Bun's own
 * servers neither count nor close connections that have sent nothing yet. What a connection receives is split
 * into small pieces, because Bun's parser handles all requests of a piece before a connection can be closed;
 * only a body whose length is known stays whole.
 */
export interface Connections {
  /** Adds a new connection. */
  add(socket: Duplex): Connection;
  closeAll(): void;
}

/** One connection, which carries one request at a time, in one of three phases, each with its time limit. */
export interface Connection {
  /**
   * Returns whether the server may handle a request. Closes the connection if the previous request is not
   * done or the limit of requests is exceeded.
   */
  accept(): boolean;
  /** Whether the limit of requests is reached. */
  readonly isLast: boolean;
  /** Announces the length of the body of the request that was just accepted. */
  expectBody(bytes: number): void;
  /** The client sends a request, or is in the handshake. */
  receiving(): void;
  /** The request is complete and is being answered. */
  answering(): void;
  /** The answer was sent. */
  idle(): void;
  readonly phase: "receiving" | "answering" | "idle";
}

export function createConnections(limits: ConnectionLimits): Connections {
  // In the order in which they were opened.
  const open = new Map<Duplex, Connection>();
  /** Closes the oldest connection that has no request, so that silent clients do not lock out others. */
  const makeRoom = (): boolean => {
    if (open.size < limits.connections) return true;
    for (const [socket, { phase }] of open) {
      if (phase === "answering") continue;
      open.delete(socket);
      socket.destroy();
      return true;
    }
    return false;
  };
  return {
    add(socket) {
      const connection = createConnection(socket, limits);
      if (!makeRoom()) {
        socket.destroy();
        return connection;
      }
      open.set(socket, connection);
      socket.once("close", () => open.delete(socket));
      return connection;
    },
    closeAll() {
      for (const socket of open.keys()) socket.destroy();
    },
  };
}

function createConnection(socket: Duplex, limits: ConnectionLimits): Connection {
  const { requests = Infinity, requestMs, answerMs, idleMs } = limits;
  let phase: Connection["phase"] = "receiving";
  let timer: Timer | undefined;
  let accepted = 0;
  let isBusy = false;
  let bodyBytes = 0;
  const enter = (next: Connection["phase"], limitMs?: number): void => {
    phase = next;
    clearTimeout(timer);
    timer =
      limitMs === undefined || socket.destroyed ? undefined : setTimeout(() => socket.destroy(), limitMs);
  };
  enter("receiving", requestMs);
  socket.on("error", () => {});
  socket.once("close", () => clearTimeout(timer));
  splitReads(socket, {
    onData() {
      if (phase === "idle") enter("receiving", requestMs);
    },
    takePiece(most) {
      const bytes = Math.min(most, bodyBytes > 0 ? bodyBytes : pieceBytes);
      bodyBytes = Math.max(0, bodyBytes - bytes);
      return bytes;
    },
  });
  return {
    accept() {
      if (isBusy || accepted >= requests) socket.destroy();
      if (socket.destroyed) return false;
      accepted += 1;
      isBusy = true;
      bodyBytes = 0;
      return true;
    },
    // The piece with the end of the header may contain the start of the body.
    expectBody: (bytes) => void (bodyBytes = Math.max(0, bytes - pieceBytes)),
    get isLast() {
      return accepted >= requests;
    },
    receiving: () => enter("receiving", requestMs),
    answering: () => enter("answering", answerMs),
    idle() {
      isBusy = false;
      enter("idle", idleMs);
    },
    get phase() {
      return phase;
    },
  };
}

interface ReadSplitter {
  onData(): void;
  /** Returns the size of the next piece, at most the given one. */
  takePiece(most: number): number;
}

/** Emits what the socket receives in pieces, until the socket is closed. */
function splitReads(socket: Duplex, { onData, takePiece }: ReadSplitter): void {
  const emit = socket.emit.bind(socket) as (event: string | symbol, ...args: unknown[]) => boolean;
  socket.emit = (event: string | symbol, ...args: unknown[]): boolean => {
    const [bytes] = args;
    if (event !== "data" || !Buffer.isBuffer(bytes)) return emit(event, ...args);
    onData();
    let isHeard = false;
    for (let at = 0; at < bytes.length && !socket.destroyed;) {
      const size = takePiece(bytes.length - at);
      isHeard = emit(event, bytes.subarray(at, at + size));
      at += size;
    }
    return isHeard;
  };
}

/** A piece contains at most 57 requests, since the shortest that another one can follow has 18 bytes. */
const pieceBytes = 1024;
