import { createBoundedLineReader } from "../../core/text/bounded-lines.ts";
import { isSameToken } from "../http/token.ts";
import { type RecorderInput, toSocket } from "./recorded-stream.ts";
import type { Ring } from "./ring.ts";

export interface ReadersOptions {
  readonly input: Pick<RecorderInput, "name" | "secret">;
  readonly ring: Ring;
  /** Called when bytes were released. */
  readonly onRelease: () => void;
  /** Called when a process needs the recorder no longer. */
  readonly onBye: () => void;
  /** Milliseconds without a process after which `abandon` is called. */
  readonly unclaimedMs: number;
  readonly abandon: () => void;
}

/** The processes that are connected to a recorder. Disposal closes all connections. */
export interface Readers extends Disposable {
  /** Whether a process reads the stream. */
  readonly isReading: boolean;
  /** Sends what the stream has brought. */
  wake(): void;
  /** Sends the rest of the stream. Resolves when each reader has it. */
  finish(): Promise<void>;
}

interface Reader {
  /** Splits the lines of its connection. */
  readonly push: (bytes: Uint8Array) => void;
  isKnown: boolean;
  /** Position of the next byte that it gets; `undefined`: it does not read. */
  at: number | undefined;
}

type Socket = Bun.Socket<Reader>;

/** Maximum length of a line. */
const lineBytes = 200;
/**
 * Connections at a time. Any user of this host may connect; the oldest connection that has not shown the secret gives
 * way to a new one.
 */
const maxConnections = 32;
/** Milliseconds in which a connection must have shown the secret. */
const unknownMs = 5000;

/** Listens for processes. The first line of each is the secret, and the offset from which it reads, if it does. */
export function createReaders(options: ReadersOptions): Readers {
  const { input, ring, onRelease, onBye, unclaimedMs, abandon } = options;
  const sockets = new Set<Socket>();
  let isFinished = false;
  const finished = Promise.withResolvers<void>();
  let unclaimed: NodeJS.Timeout | undefined;

  function watchClaim(): void {
    clearTimeout(unclaimed);
    if (![...sockets].some(({ data }) => data.isKnown)) unclaimed = setTimeout(abandon, unclaimedMs);
  }

  function send(socket: Socket): void {
    const { data } = socket;
    while (data.at !== undefined) {
      const bytes = ring.read(data.at);
      if (!bytes) return void socket.terminate();
      if (bytes.length === 0) break;
      const sent = socket.write(bytes);
      data.at += Math.max(sent, 0);
      if (sent < bytes.length) return;
    }
    if (isFinished && data.at === ring.end) socket.end();
  }

  function onLine(socket: Socket, line: string): void {
    const { data } = socket;
    const [word = "", offset] = line.split(" ");
    if (!data.isKnown) {
      if (!isSameToken(word, input.secret)) return void socket.terminate();
      data.isKnown = true;
      watchClaim();
      if (offset !== undefined) data.at = Number(offset);
      send(socket);
    } else if (word === "bye") onBye();
    else if (word === "keep") {
      ring.release(Number(offset));
      onRelease();
      // A process that only follows wants to know that the recorder works.
      if (data.at === undefined) socket.write("kept\n");
    }
  }

  function check(): void {
    if (isFinished && ![...sockets].some(({ data }) => data.at !== undefined)) finished.resolve();
  }

  const listener = listen(toSocket(input.name), {
    sockets,
    onLine,
    onDrain: send,
    onClose() {
      watchClaim();
      check();
    },
  });
  watchClaim();

  return {
    get isReading() {
      return [...sockets].some(({ data }) => data.at !== undefined);
    },
    wake() {
      for (const socket of sockets) if (socket.data.at !== undefined) send(socket);
    },
    finish() {
      isFinished = true;
      for (const socket of sockets) send(socket);
      check();
      return finished.promise;
    },
    [Symbol.dispose]() {
      clearTimeout(unclaimed);
      listener.stop(true);
    },
  };
}

interface ListenOptions {
  readonly sockets: Set<Socket>;
  readonly onLine: (socket: Socket, line: string) => void;
  readonly onDrain: (socket: Socket) => void;
  readonly onClose: () => void;
}

function listen(unix: string, { sockets, onLine, onDrain, onClose }: ListenOptions) {
  return Bun.listen<Reader>({
    unix,
    socket: {
      open(socket) {
        if (sockets.size >= maxConnections) [...sockets].find(({ data }) => !data.isKnown)?.terminate();
        if (sockets.size >= maxConnections) return void socket.terminate();
        const push = createBoundedLineReader({
          maxBytes: lineBytes,
          onLine: (line) => onLine(socket, line),
          onTooLong: () => void socket.terminate(),
        });
        socket.data = { push, isKnown: false, at: undefined };
        sockets.add(socket);
        setTimeout(() => socket.data.isKnown || socket.terminate(), unknownMs);
      },
      data: (socket, bytes) => socket.data?.push(bytes),
      drain: (socket) => socket.data && onDrain(socket),
      close(socket) {
        sockets.delete(socket);
        onClose();
      },
      error() {},
    },
  });
}
