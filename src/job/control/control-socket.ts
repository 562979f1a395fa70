import { restrictSocket } from "../../os/network/socket-path.ts";
import { findEntry, removeEntry } from "../../os/state/file.ts";
import { createLineWriter, type LineWriter } from "./line-writer.ts";
import { createLineReader, type JobOrder, type ToAgent, type ToJob, wireVersion } from "./messages.ts";

export interface ControlSocketOptions {
  /** At most 107 bytes. */
  readonly path: string;
  readonly secret: string;
  readonly onCommand: (order: JobOrder) => void;
  /** Called when an agent has counted the metrics with this number. */
  readonly onCounted: (number: number) => void;
  /** Called when the first agent has connected, and when the last has disconnected. */
  readonly onClaimed: (isClaimed: boolean) => void;
}

/** The socket on which agents connect to a job's process. A client must present the secret before it is answered. */
export interface ControlSocket extends Disposable {
  /** Whether the socket still has its path, so that agents can connect. */
  readonly isInPlace: boolean;
  /**
   * Sends a message to every agent. `more` is sent once for everything that is appended in one turn of the
   * event loop.
   */
  tell(message: ToAgent): void;
}

interface Client {
  isKnown: boolean;
  readonly lines: LineWriter;
  readonly read: (bytes: Uint8Array) => void;
}

type ClientSocket = Bun.Socket<Client>;

export function listenForAgents(options: ControlSocketOptions): ControlSocket {
  const { path, onClaimed } = options;
  const known = new Set<ClientSocket>();
  const receive = (socket: ClientSocket, message: ToJob) => {
    if (!("hello" in message)) return void (socket.data.isKnown && obey(socket, message, options));
    if (!greet(socket, message, options.secret)) return;
    known.add(socket);
    if (known.size === 1) onClaimed(true);
  };
  const forget = (socket: ClientSocket) => {
    if (known.delete(socket) && known.size === 0) onClaimed(false);
  };

  removeEntry(path);
  const server = Bun.listen<Client>({
    unix: path,
    socket: {
      open(socket) {
        const read = createLineReader<ToJob>((message) => receive(socket, message));
        socket.data = { isKnown: false, read, lines: createLineWriter(socket) };
      },
      drain: (socket) => socket.data.lines.drained(),
      data: (socket, bytes) => socket.data.read(bytes),
      close: forget,
      error: forget,
    },
  });
  const own = restrictSocket(path);
  return {
    get isInPlace() {
      const found = findEntry(path);
      return found?.ino === own.ino && found.dev === own.dev;
    },
    tell: createBroadcast(known),
    [Symbol.dispose]() {
      server.stop(true);
      removeEntry(path);
    },
  };
}

/**
 * Returns whether the client presented the secret and uses this wire version; a client that does not is
 * disconnected.
 */
function greet(socket: ClientSocket, { hello, version }: Hello, secret: string): boolean {
  if (!isEqual(hello, secret)) {
    socket.end();
    return false;
  }
  if (version !== wireVersion) {
    send(socket, { is: "refused", version: wireVersion });
    socket.end();
    return false;
  }
  socket.data.isKnown = true;
  send(socket, { is: "welcome", version: wireVersion });
  return true;
}

type Hello = Extract<ToJob, { hello: string }>;

function obey(
  socket: ClientSocket,
  message: Exclude<ToJob, Hello>,
  { onCommand, onCounted }: ControlSocketOptions,
): void {
  if ("counted" in message) return onCounted(message.counted);
  send(socket, { is: "heard" });
  onCommand(message);
}

function createBroadcast(clients: ReadonlySet<ClientSocket>): (message: ToAgent) => void {
  let isScheduled = false;
  // An agent that does not read has wake-ups enough, and polls for the end of the job.
  const broadcast = (message: ToAgent) => {
    for (const socket of clients) send(socket, message);
  };
  return (message) => {
    if (message.is !== "more") return broadcast(message);
    if (isScheduled || clients.size === 0) return;
    isScheduled = true;
    setImmediate(() => {
      isScheduled = false;
      broadcast(message);
    });
  };
}

function send(socket: ClientSocket, message: ToAgent): void {
  socket.data.lines.write(message);
}

function isEqual(a: unknown, b: string): boolean {
  const left = Buffer.from(String(a));
  const right = Buffer.from(b);
  return left.length === right.length && crypto.timingSafeEqual(left, right);
}
