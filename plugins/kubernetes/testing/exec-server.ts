import { type Client, createClient } from "../client/client.ts";

/** A test double of a hostile container: each exec sends the test's bytes and never ends by itself. */
export interface ExecServer extends AsyncDisposable {
  readonly client: Client;
  /** Number of all connections and of the open ones. */
  readonly connections: { total: number; open: number };
}

/** Channels of `v5.channel.k8s.io`. */
export type Channel = "stdout" | "stderr";

/**
 * Starts a server that sends `chunk` repeatedly, as fast as the client reads, until `bytes` are sent or the
 * connection closes.
 */
export function startExecServer(channel: Channel, chunk: Uint8Array, bytes: number): ExecServer {
  const connections = { total: 0, open: 0 };
  const message = Buffer.concat([Uint8Array.of(channel === "stdout" ? 1 : 2), chunk]);
  const server = Bun.serve<{ left: number }, never>({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request, { upgrade }) {
      const headers = { "Sec-WebSocket-Protocol": "v5.channel.k8s.io" };
      if (upgrade.call(server, request, { data: { left: bytes }, headers })) return undefined;
      return new Response("", { status: 400 });
    },
    websocket: {
      open(socket) {
        connections.total += 1;
        connections.open += 1;
        flood(socket);
      },
      drain: flood,
      message() {},
      close: () => void (connections.open -= 1),
    },
  });

  function flood(socket: Bun.ServerWebSocket<{ left: number }>): void {
    while (socket.data.left > 0 && socket.readyState === WebSocket.OPEN) {
      socket.data.left -= chunk.length;
      // A negative number means back-pressure: wait for `drain`.
      if (socket.send(message) < 0) return;
    }
  }

  const client = createClient({
    server: `http://127.0.0.1:${server.port}`,
    namespace: "jobs",
    isInCluster: false,
    authorize: async () => ({ headers: {}, tls: {} }),
  });
  return { client, connections, [Symbol.asyncDispose]: () => server.stop(true) };
}
