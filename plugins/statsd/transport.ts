import { lookup as lookUp } from "node:dns/promises";
import { type Logger, toMessage } from "signalman";

export interface TransportOptions {
  /** Host name, or an IPv4 or IPv6 address. */
  readonly host: string;
  readonly port: number;
  readonly logger: Logger;
  /** Milliseconds after a failure until the host is resolved again. Default: one minute. */
  readonly retryMs?: number;
  /** Default: the system's resolver. */
  readonly lookup?: (host: string) => Promise<{ readonly address: string; readonly family: number }[]>;
}

/** Sends datagrams to a host. Lost datagrams are not reported; no method throws. */
export interface Transport extends Disposable {
  /** Whether datagrams can be sent now. Resolves the host when that is due. */
  ready(): Promise<boolean>;
  /** Sends a datagram; requires `ready`. Returns `false` when the kernel accepts no more for the moment. */
  send(datagram: string): boolean;
}

export function createTransport(options: TransportOptions): Transport {
  const { host, port, logger, retryMs = 60_000 } = options;
  const { lookup = (name) => lookUp(name, { all: true }) } = options;
  let socket: Bun.udp.Socket<"buffer"> | undefined;
  let address = "";
  /** Index of the host's address in use. */
  let turn = 0;
  let isFaulty = false;
  let retryAt = 0;
  let opening: Promise<void> | undefined;
  let isOver = false;

  async function open(): Promise<void> {
    retryAt = performance.now() + retryMs;
    try {
      // A server that listens on one address family only usually listens on IPv4.
      const found = (await lookup(host)).toSorted((a, b) => a.family - b.family);
      const place = found[turn % found.length]!;
      const next = await Bun.udpSocket({
        hostname: place.family === 6 ? "::" : "0.0.0.0",
        // Without this handler Bun prints errors. It passes the error, or the socket and the error.
        socket: { error: (...args: unknown[]) => onFault(args.at(-1) ?? args[0]) },
      });
      next.unref();
      socket?.close();
      socket = next;
      address = place.address;
      isFaulty = false;
      if (isOver) socket.close();
    } catch (error) {
      logger.debug(`StatsD server "${host}" is unreachable: ${toMessage(error)}`);
    }
  }

  function onFault(error: unknown): void {
    if (isFaulty) return;
    isFaulty = true;
    // A refused connection means a restart of the right server, so its address is kept.
    if ((error as NodeJS.ErrnoException).code !== "ECONNREFUSED") turn += 1;
    logger.debug(`StatsD server ${address}, port ${port}, does not accept datagrams: ${toMessage(error)}`);
  }

  return {
    async ready() {
      const isDue = (socket === undefined || isFaulty) && performance.now() >= retryAt;
      if (isDue) opening ??= open().finally(() => (opening = undefined));
      await opening;
      return socket !== undefined && !isOver;
    },
    send(datagram) {
      // The error may belong to an earlier datagram, and then this one has not been sent.
      for (let attempt = 0; attempt < 2; attempt++) {
        try {
          return socket?.send(datagram, port, address) ?? false;
        } catch (error) {
          onFault(error);
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
