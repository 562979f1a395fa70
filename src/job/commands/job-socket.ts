import { rmSync } from "node:fs";
import { restrictSocket } from "../../os/socket-path.ts";
import { callCommand, type JobCommands } from "./call-command.ts";
import { type JobAnswer, jobMessagesVersion, maxMessageBytes } from "./messages.ts";

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
  /** The beginning of a line. */
  rest: Buffer;
}

/**
 * Listens for messages of the job's own processes. The job is not trusted: lines, connections and idle time are bounded, and a message that
 * is not understood is refused.
 */
export function listenToJob({ path, commands }: JobSocketOptions): Disposable {
  const connections = new Set<Bun.Socket<Connection>>();

  function accept(socket: Bun.Socket<Connection>): void {
    socket.data = { rest: Buffer.alloc(0) };
    if (connections.size >= maxConnections) return refuse(socket, "too many processes speak with the job");
    connections.add(socket);
    socket.timeout(idleSeconds);
  }

  function receive(socket: Bun.Socket<Connection>, bytes: Uint8Array): void {
    const { data } = socket;
    data.rest = Buffer.concat([data.rest, bytes]);
    for (let end = data.rest.indexOf("\n"); end >= 0; end = data.rest.indexOf("\n")) {
      const line = data.rest.subarray(0, end).toString();
      data.rest = data.rest.subarray(end + 1);
      const why = callCommand(commands, line);
      if (why !== undefined) return refuse(socket, why);
      // A client that does not read its answers is disconnected.
      if (!send(socket, { is: "done", version: jobMessagesVersion })) return drop(socket);
    }
    if (data.rest.length > maxMessageBytes)
      refuse(socket, `a message is longer than ${maxMessageBytes} bytes`);
  }

  function refuse(socket: Bun.Socket<Connection>, why: string): void {
    send(socket, { is: "refused", version: jobMessagesVersion, why });
    drop(socket);
  }

  function drop(socket: Bun.Socket<Connection>): void {
    connections.delete(socket);
    socket.data.rest = Buffer.alloc(0);
    socket.end();
  }

  rmSync(path, { force: true });
  const server = Bun.listen<Connection>({
    unix: path,
    socket: {
      open: accept,
      data: (socket, bytes) => {
        if (connections.has(socket)) receive(socket, bytes);
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
