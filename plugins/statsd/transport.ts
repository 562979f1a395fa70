import { lookup as lookUp } from "node:dns/promises";
import { type Logger, toMessage } from "signalman";

export interface TransportOptions {
  /** A name, or an address of either family. */
  readonly host: string;
  readonly port: number;
  readonly logger: Logger;
  /** How long after a failure the host is looked up again. Default: a minute. */
  readonly retryMs?: number;
  /** Default: the system's. */
  readonly lookup?: (host: string) => Promise<{ readonly address: string; readonly family: number }[]>;
}

/** Brings datagrams to a host. Nobody is told when one is lost; nothing here throws, and nothing is printed. */
export interface Transport extends Disposable {
  /** Whether datagrams can be sent now. Looks the host up when that is due. */
  ready(): Promise<boolean>;
  /** Only when it is ready. `false`: the kernel takes no more for the moment. */
  send(datagram: string): boolean;
}

export function createTransport(options: TransportOptions): Transport {
  const { host, port, logger, retryMs = 60_000 } = options;
  const { lookup = (name) => lookUp(name, { all: true }) } = options;
  let socket: Bun.udp.Socket<"buffer"> | undefined;
  let address = "";
  /** Of the host's. */
  let turn = 0;
  let isFaulty = false;
  let retryAt = 0;
  let opening: Promise<void> | undefined;
  let isOver = false;

  async function open(): Promise<void> {
    retryAt = performance.now() + retryMs;
    try {
      // A server that listens in one family only listens in the older one, as a rule.
      const found = (await lookup(host)).toSorted((a, b) => a.family - b.family);
      const place = found[turn % found.length]!;
      const next = await Bun.udpSocket({
        hostname: place.family === 6 ? "::" : "0.0.0.0",
        // Without it, Bun prints that a port is closed. It hands over the error, or the socket and the error.
        socket: { error: (...heard: unknown[]) => fault(heard.at(-1) ?? heard[0]) },
      });
      next.unref();
      socket?.close();
      socket = next;
      address = place.address;
      isFaulty = false;
      if (isOver) socket.close();
    } catch (error) {
      logger.debug(`no way to the StatsD server "${host}": ${toMessage(error)}`);
    }
  }

  function fault(error: unknown): void {
    if (isFaulty) return;
    isFaulty = true;
    // A server that is being started again was the right one.
    if ((error as NodeJS.ErrnoException).code !== "ECONNREFUSED") turn += 1;
    logger.debug(`the StatsD server ${address}, port ${port}, does not take datagrams: ${toMessage(error)}`);
  }

  return {
    async ready() {
      const isDue = (socket === undefined || isFaulty) && performance.now() >= retryAt;
      if (isDue) opening ??= open().finally(() => (opening = undefined));
      await opening;
      return socket !== undefined && !isOver;
    },
    send(datagram) {
      // What is thrown may be an earlier datagram's fault, and then this one has not gone.
      for (let attempt = 0; attempt < 2; attempt++) {
        try {
          return socket?.send(datagram, port, address) ?? false;
        } catch (error) {
          fault(error);
        }
      }
      return true;
    },
    [Symbol.dispose]() {
      isOver = true;
      socket?.close();
    },
  };
}
