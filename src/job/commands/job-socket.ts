import { rmSync } from "node:fs";
import { createBoundedLineReader } from "../../core/text/bounded-lines.ts";
import { restrictSocket } from "../../os/network/socket-path.ts";
import {
  callCommand,
  type JobCommands,
  type JobAnswer,
  jobMessagesVersion,
  maxMessageBytes,
} from "./messages.ts";

export interface JobSocketOptions {
  /** At most 107 bytes long, in a directory that is closed to other users. */
  readonly path: string;
  readonly commands: JobCommands;
}

/** Maximum number of concurrent connections. */
const maxConnections = 64;

/** A connection without traffic is closed after this time. */
const idleSeconds = 30;

interface Connection {
  readonly push: (bytes: Uint8Array) => void;
}

/**
 * Listens for messages of the job's own processes. The job is not trusted: lines, connections and idle time
 * are bounded, and a message that is not understood is refused.
 */
export function listenToJob({ path, commands }: JobSocketOptions): Disposable {
  const connections = new Set<Bun.Socket<Connection>>();

  function accept(socket: Bun.Socket<Connection>): void {
    const push = createBoundedLineReader({
      maxBytes: maxMessageBytes,
      onLine: (line) => receive(socket, line),
      onTooLong: () => refuse(socket, `a message is longer than ${maxMessageBytes} bytes`),
    });
    socket.data = { push };
    if (connections.size >= maxConnections) return refuse(socket, "too many processes speak with the job");
    connections.add(socket);
    socket.timeout(idleSeconds);
  }

  function receive(socket: Bun.Socket<Connection>, line: string): void {
    if (!connections.has(socket)) return;
    const why = callCommand(commands, line);
    if (why !== undefined) return refuse(socket, why);
    // A client that does not read its answers is disconnected.
    if (!send(socket, { is: "done", version: jobMessagesVersion })) drop(socket);
  }

  function refuse(socket: Bun.Socket<Connection>, why: string): void {
    send(socket, { is: "refused", version: jobMessagesVersion, why });
    drop(socket);
  }

  function drop(socket: Bun.Socket<Connection>): void {
    connections.delete(socket);
    socket.end();
  }

  rmSync(path, { force: true });
  const server = Bun.listen<Connection>({
    unix: path,
    socket: {
      open: accept,
      data: (socket, bytes) => {
        if (connections.has(socket)) socket.data.push(bytes);
      },
      timeout: (socket) => void socket.end(),
      close: (socket) => void connections.delete(socket),
      error: (socket) => void connections.delete(socket),
    },
  });
  restrictSocket(path);
  return {
    [Symbol.dispose]() {
      server.stop(true);
      rmSync(path, { force: true });
    },
  };
}

/** Returns `false` when the answer does not fit into the socket's buffer. */
function send(socket: Bun.Socket<Connection>, message: JobAnswer): boolean {
  const line = Buffer.from(`${JSON.stringify(message)}\n`);
  return socket.write(line) === line.length;
}
