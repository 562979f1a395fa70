import { rmSync } from "node:fs";
import { restrictSocket } from "../../os/network/socket-path.ts";
import type { JobCalls } from "./job-calls.ts";
import { createJobConnection, type JobConnection } from "./job-connection.ts";

export interface JobSocketOptions {
  /** At most 107 bytes long, in a directory that is closed to other users. */
  readonly path: string;
  readonly calls: JobCalls;
}

/** Maximum number of connections whose messages are read: more than calls of one command. */
const maxServed = 128;

/** Maximum number of connections. Those beyond `maxServed` learn that the job is busy. */
const maxConnections = 1024;

interface Attachment {
  /** Left out: the connection was closed at once. */
  connection?: JobConnection;
  isServed: boolean;
}

/**
 * Listens for messages of the job's own processes. The job is not trusted: messages, connections and idle time
 * are bounded, and a message that is not understood is refused.
 */
export function listenToJob({ path, calls }: JobSocketOptions): Disposable {
  const open = new Set<Bun.Socket<Attachment>>();
  let served = 0;

  function accept(socket: Bun.Socket<Attachment>): void {
    const isServed = served < maxServed;
    socket.data = { isServed };
    if (open.size >= maxConnections) return void socket.end();
    open.add(socket);
    if (isServed) served += 1;
    socket.data.connection = createJobConnection(socket, { calls, isBusy: !isServed });
  }

  function close(socket: Bun.Socket<Attachment>): void {
    if (!open.delete(socket)) return;
    if (socket.data.isServed) served -= 1;
    socket.data.connection?.closed();
  }

  rmSync(path, { force: true });
  const server = Bun.listen<Attachment>({
    unix: path,
    socket: {
      open: accept,
      data: (socket, bytes) => socket.data.connection?.push(bytes),
      drain: (socket) => socket.data.connection?.drained(),
      timeout: (socket) => void socket.end(),
      close,
      error: close,
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
