/** A StatsD server for tests that saves every datagram. */
export interface StatsdServer extends Disposable {
  readonly port: number;
  readonly datagrams: readonly string[];
  /** All lines so far. */
  readonly lines: readonly string[];
  /** Resolves when a line matches. */
  has(matches: (line: string) => boolean): Promise<void>;
}

export async function startStatsdServer(
  options: { hostname?: string; port?: number } = {},
): Promise<StatsdServer> {
  const datagrams: string[] = [];
  const { hostname = "127.0.0.1", port = 0 } = options;
  const lines = () => datagrams.flatMap((datagram) => datagram.split("\n"));
  let notify = (): void => {};
  const socket = await Bun.udpSocket({
    hostname,
    port,
    socket: {
      data(_, bytes) {
        datagrams.push(bytes.toString());
        notify();
      },
    },
  });
  return {
    port: socket.port,
    datagrams,
    get lines() {
      return lines();
    },
    async has(matches) {
      while (!lines().some(matches)) {
        const more = Promise.withResolvers<void>();
        notify = more.resolve;
        await more.promise;
      }
    },
    [Symbol.dispose]: () => socket.close(),
  };
}
