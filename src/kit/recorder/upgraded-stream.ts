import type { StreamServer } from "./recorded-stream.ts";

export interface UpgradedStream {
  pause(): void;
  resume(): void;
  close(): void;
}

export interface UpgradeOptions {
  /** The bytes are valid during the call only. */
  readonly onData: (bytes: Uint8Array) => void;
  /** Called once, when the stream has ended. */
  readonly onEnd: () => void;
}

/** Maximum length of the answer's head. */
const headBytes = 16 * 1024;

/** Sends a POST request whose answer becomes a raw stream. Rejects with the server's answer. */
export async function openUpgradedStream(
  server: StreamServer,
  path: string,
  { onData, onEnd }: UpgradeOptions,
): Promise<UpgradedStream> {
  const opened = Promise.withResolvers<void>();
  let head: Buffer | undefined = Buffer.alloc(0);
  const end = () => {
    if (head)
      opened.reject(new Error(head.toString("latin1").split("\r\n")[0] || "the connection was closed"));
    else onEnd();
    onEnd = () => {};
  };
  const read = (bytes: Uint8Array) => {
    if (!head) return onData(bytes);
    head = Buffer.concat([head, bytes]);
    const at = head.indexOf("\r\n\r\n");
    if (at < 0 && head.length < headBytes) return;
    if (!/^HTTP\/1\.1 (101|200) /.test(head.toString("latin1", 0, 20)) || at < 0) return end();
    const rest = head.subarray(at + 4);
    head = undefined;
    opened.resolve();
    if (rest.length > 0) onData(rest);
  };
  const request = `POST ${path} HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n`;
  const { socketPath, host = "", port = 0, tls } = server;
  const socket: Bun.SocketHandler<undefined> = {
    open: (connection) => void (tls ?? connection.write(request)),
    handshake(connection, isDone, fault) {
      if (isDone && !fault) return void connection.write(request);
      head = Buffer.from(`its certificate is refused: ${String(fault)}`);
      connection.terminate();
    },
    data: (_, bytes) => read(bytes),
    end,
    close: end,
    error: end,
  };
  const connection =
    socketPath === undefined
      ? await Bun.connect({ hostname: host, port, socket, ...(tls && { tls: { ...tls, serverName: host } }) })
      : await Bun.connect({ unix: socketPath, socket });
  try {
    await opened.promise;
  } catch (error) {
    connection.terminate();
    throw error;
  }
  return {
    pause: () => connection.pause(),
    resume: () => connection.resume(),
    close: () => connection.terminate(),
  };
}
