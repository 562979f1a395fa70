import { chmodSync, rmSync } from "node:fs";
import { toMessage } from "../core/errors.ts";
import { type JobAnswer, jobMessagesVersion, maxMessageBytes } from "./job-messages.ts";

/** Does what a message asks, at once. What it throws is the answer. */
export type JobSocketCommand = (ask: Readonly<Record<string, unknown>>) => void;

export interface JobSocketOptions {
  /** Not more than 107 bytes long, in a directory that is closed to other users. */
  readonly path: string;
  /** By the word in `do`. */
  readonly commands: Readonly<Record<string, JobSocketCommand>>;
}

/** So many processes of a job may speak with it at a time. */
const maxConnections = 64;

/** A connection on which nothing is said for so long is closed. */
const idleSeconds = 30;

interface Connection {
  /** The beginning of a line. */
  rest: Buffer;
}

/**
 * Where a job's own processes reach the process that runs the job. The job is not trusted: lines, connections and silence are bounded, and what
 * is not understood is refused.
 */
export function listenToJob({ path, commands }: JobSocketOptions): Disposable {
  const connections = new Set<Bun.Socket<Connection>>();

  rmSync(path, { force: true });
  const server = Bun.listen<Connection>({
    unix: path,
    socket: {
      open(socket) {
        socket.data = { rest: Buffer.alloc(0) };
        if (connections.size >= maxConnections)
          return refuse(socket, "too many processes speak with the job");
        connections.add(socket);
        socket.timeout(idleSeconds);
      },
      data(socket, bytes) {
        if (connections.has(socket)) take(socket, bytes);
      },
      timeout: (socket) => void socket.end(),
      close: (socket) => void connections.delete(socket),
      error: (socket) => void connections.delete(socket),
    },
  });
  chmodSync(path, 0o600);

  function take(socket: Bun.Socket<Connection>, bytes: Uint8Array): void {
    const { data } = socket;
    data.rest = Buffer.concat([data.rest, bytes]);
    for (let end = data.rest.indexOf("\n"); end >= 0; end = data.rest.indexOf("\n")) {
      const line = data.rest.subarray(0, end).toString();
      data.rest = data.rest.subarray(end + 1);
      const why = answer(line);
      if (why !== undefined) return refuse(socket, why);
      // Whoever does not read the answers is not spoken with any more.
      if (!say(socket, { is: "done", version: jobMessagesVersion })) return drop(socket);
    }
    if (data.rest.length > maxMessageBytes)
      refuse(socket, `a message is longer than ${maxMessageBytes} bytes`);
  }

  /** Why not; `undefined` when it is done. */
  function answer(line: string): string | undefined {
    const ask = parse(line);
    if (ask === undefined) return "the message is no JSON object";
    if (ask["version"] !== jobMessagesVersion)
      return `the job speaks version ${jobMessagesVersion}, not ${JSON.stringify(ask["version"])}`;
    const word = String(ask["do"]);
    const command = Object.hasOwn(commands, word) ? commands[word] : undefined;
    if (!command) return `the job does not know what to do (known: ${Object.keys(commands).join(", ")})`;
    try {
      command(ask);
      return undefined;
    } catch (error) {
      return toMessage(error);
    }
  }

  function refuse(socket: Bun.Socket<Connection>, why: string): void {
    say(socket, { is: "refused", version: jobMessagesVersion, why });
    drop(socket);
  }

  function drop(socket: Bun.Socket<Connection>): void {
    connections.delete(socket);
    socket.data.rest = Buffer.alloc(0);
    socket.end();
  }

  return {
    [Symbol.dispose]() {
      server.stop(true);
      rmSync(path, { force: true });
    },
  };
}

/** `false` when it does not fit into the socket's buffer. */
function say(socket: Bun.Socket<Connection>, message: JobAnswer): boolean {
  const line = Buffer.from(`${JSON.stringify(message)}\n`);
  return socket.write(line) === line.length;
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
