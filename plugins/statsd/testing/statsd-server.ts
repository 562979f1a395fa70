/** A StatsD server of a test: it keeps every datagram. */
export interface StatsdServer extends Disposable {
  readonly port: number;
  readonly datagrams: readonly string[];
  /** All lines so far. */
  readonly lines: readonly string[];
  /** Resolves when there is a line for which this holds. */
  has(isIt: (line: string) => boolean): Promise<void>;
}

export async function startStatsdServer(
  options: { hostname?: string; port?: number } = {},
): Promise<StatsdServer> {
  const datagrams: string[] = [];
  const { hostname = "127.0.0.1", port = 0 } = options;
  const lines = () => datagrams.flatMap((datagram) => datagram.split("\n"));
  let tell = (): void => {};
  const socket = await Bun.udpSocket({
    hostname,
    port,
    socket: {
      data(_, bytes) {
        datagrams.push(bytes.toString());
        tell();
      },
    },
  });
  return {
    port: socket.port,
    datagrams,
    get lines() {
      return lines();
    },
    async has(isIt) {
      while (!lines().some(isIt)) {
        const more = Promise.withResolvers<void>();
        tell = more.resolve;
        await more.promise;
      }
    },
    [Symbol.dispose]: () => socket.close(),
  };
}
