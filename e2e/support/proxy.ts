import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/**
 * How the network treats the bytes of one direction. `pass`: it forwards them. `hold`: it keeps them until it
 * passes again, like packets that are retransmitted after an outage. `reset`: it resets connections.
 * `trickle`: it forwards one byte every `delayMs`. `late`: it delays them by `delayMs`.
 */
export type NetworkState =
  | { readonly kind: "pass" | "hold" | "reset" }
  | { readonly kind: "trickle" | "late"; readonly delayMs: number };

/** A TCP proxy that simulates a faulty network. */
export interface Proxy extends AsyncDisposable {
  readonly endpoint: string;
  /** Changes the state for open and new connections. */
  set(state: NetworkState, direction?: "requests" | "answers"): void;
  /** Drops all bytes of the open connections from now on, without closing them. New connections pass. */
  blackholeOpen(): void;
}

type Direction = "requests" | "answers";

/** Starts a proxy between an agent and its hub, or another server. Default `place`: a free port of the loopback. */
export async function startProxy(
  target: () => string,
  place: { readonly host: string; readonly port: number } = { host: "127.0.0.1", port: 0 },
): Promise<Proxy> {
  const states: Record<Direction, NetworkState> = { requests: { kind: "pass" }, answers: { kind: "pass" } };
  const sockets = new Set<Socket>();
  const blackholed = new WeakSet<Socket>();
  /** Functions that continue to forward held bytes, also of sockets that are closed by now. */
  const links = new Map<Socket, () => void>();

  /** Forwards bytes in order. */
  const link = (from: Socket, to: Socket, direction: Direction): void => {
    const waiting: ((done: () => void) => void)[] = [];
    let isBusy = false;
    const flow = (): void => {
      if (isBusy || waiting.length === 0 || states[direction].kind === "hold" || blackholed.has(from)) return;
      isBusy = true;
      waiting.shift()!(() => {
        isBusy = false;
        flow();
      });
    };
    links.set(from, flow);
    from.on("data", (bytes: Buffer) => {
      waiting.push(async (done) => {
        const now = states[direction];
        if (now.kind === "reset") to.resetAndDestroy();
        else if (now.kind === "trickle") {
          for (let at = 0; at < bytes.length && !to.destroyed; at++) {
            to.write(bytes.subarray(at, at + 1));
            await Bun.sleep(now.delayMs);
          }
        } else {
          if (now.kind === "late") await Bun.sleep(now.delayMs);
          to.write(bytes);
        }
        done();
      });
      flow();
    });
    from.on("error", () => {});
    from.on("close", () => {
      waiting.push((done) => {
        to.destroy();
        links.delete(from);
        done();
      });
      flow();
    });
  };

  const server = createServer((agent) => {
    const [host, port] = target().split(":");
    const hub = connect(Number(port), host);
    for (const socket of [agent, hub]) {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      if (states.requests.kind === "reset") socket.resetAndDestroy();
    }
    link(agent, hub, "requests");
    link(hub, agent, "answers");
  });
  server.listen(place.port, place.host);
  await once(server, "listening");
  return {
    endpoint: `${place.host}:${(server.address() as AddressInfo).port}`,
    set(next, direction) {
      for (const one of direction === undefined ? (["requests", "answers"] as const) : [direction])
        states[one] = next;
      if (next.kind === "reset") for (const socket of sockets) socket.resetAndDestroy();
      for (const flow of links.values()) flow();
    },
    blackholeOpen() {
      for (const socket of links.keys()) blackholed.add(socket);
    },
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** The body of an agent's sync. */
export type SyncBody = Readonly<Record<"state" | "job_id" | "job_result", string>>;

/** A server in front of a hub that can replace the answers to syncs. */
export interface SyncOverride extends AsyncDisposable {
  readonly endpoint: string;
  /** Returns the answer to a sync; `undefined` to forward the sync to the hub. */
  answer: (body: SyncBody) => Response | undefined;
}

export function startSyncOverride(target: () => string): SyncOverride {
  const override = { answer: (): Response | undefined => undefined } as Pick<SyncOverride, "answer">;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const body = await request.text();
      const own = pathname.endsWith("/sync") ? override.answer(JSON.parse(body) as SyncBody) : undefined;
      if (own) return own;
      const { method, headers } = request;
      const answer = await fetch(`http://${target()}${pathname}${search}`, {
        method,
        headers,
        ...(method === "GET" ? {} : { body }),
      });
      return new Response(await answer.text(), { status: answer.status });
    },
  });
  return Object.assign(override, {
    endpoint: `127.0.0.1:${server.port}`,
    [Symbol.asyncDispose]: () => server.stop(true),
  });
}
