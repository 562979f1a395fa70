import type { Duplex } from "node:stream";

export interface ConnectionLimits {
  /** Maximum number of open connections. */
  readonly connections: number;
  /** Maximum milliseconds for a client to send a request, the TLS handshake included. */
  readonly requestMs: number;
  /** Maximum milliseconds for an answer. Left out: none. */
  readonly answerMs?: number;
  /** Maximum milliseconds between two requests of a connection. */
  readonly idleMs: number;
}

/**
 * The open connections of an HTTP server. Each has a time limit, and their number is limited: Bun's own
 * servers neither count nor close connections that have sent nothing yet.
 */
export interface Connections {
  /** Adds a new connection. */
  add(socket: Duplex): Connection;
  closeAll(): void;
}

/** One connection, in one of three phases, each with its time limit. */
export interface Connection {
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

function createConnection(socket: Duplex, { requestMs, answerMs, idleMs }: ConnectionLimits): Connection {
  let phase: Connection["phase"] = "receiving";
  let timer: Timer | undefined;
  const enter = (next: Connection["phase"], limitMs?: number): void => {
    phase = next;
    clearTimeout(timer);
    timer =
      limitMs === undefined || socket.destroyed ? undefined : setTimeout(() => socket.destroy(), limitMs);
  };
  enter("receiving", requestMs);
  socket.on("error", () => {});
  socket.once("close", () => clearTimeout(timer));
  return {
    receiving: () => enter("receiving", requestMs),
    answering: () => enter("answering", answerMs),
    idle: () => enter("idle", idleMs),
    get phase() {
      return phase;
    },
  };
}
