import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/**
 * What a network does to the bytes of one direction. `hold`: they wait until it passes again, as packets that are sent again after an outage; nobody
 * is told. `reset`: connections are reset. `trickle`: one byte each so many ms. `late`: all so many ms late.
 */
export type Weather =
  | { readonly kind: "pass" | "hold" | "reset" }
  | { readonly kind: "trickle" | "late"; readonly delayMs: number };

export interface Proxy extends AsyncDisposable {
  readonly endpoint: string;
  /** From now on, for open connections and new ones. */
  set(weather: Weather, direction?: "requests" | "answers"): void;
  /** What is on its way never arrives, and connections that are open now lead nowhere, and are not closed; new ones pass. */
  forgetOpen(): void;
}

type Direction = "requests" | "answers";

/** A network between an agent and its hub, with a weather of its own. */
export async function startProxy(target: () => string): Promise<Proxy> {
  const weather: Record<Direction, Weather> = { requests: { kind: "pass" }, answers: { kind: "pass" } };
  const sockets = new Set<Socket>();
  const forgotten = new WeakSet<Socket>();
  /** What `from` has sent and is on its way goes on when it is closed. */
  const links = new Map<Socket, () => void>();

  /** Brings what `from` sends to `to`, in order. */
  const link = (from: Socket, to: Socket, direction: Direction): void => {
    const waiting: ((done: () => void) => void)[] = [];
    let isBusy = false;
    const flow = (): void => {
      if (isBusy || waiting.length === 0 || weather[direction].kind === "hold" || forgotten.has(from)) return;
      isBusy = true;
      waiting.shift()!(() => {
        isBusy = false;
        flow();
      });
    };
    links.set(from, flow);
    from.on("data", (bytes: Buffer) => {
      waiting.push(async (done) => {
        const now = weather[direction];
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
      if (weather.requests.kind === "reset") socket.resetAndDestroy();
    }
    link(agent, hub, "requests");
    link(hub, agent, "answers");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    set(next, direction) {
      for (const one of direction === undefined ? (["requests", "answers"] as const) : [direction])
        weather[one] = next;
      if (next.kind === "reset") for (const socket of sockets) socket.resetAndDestroy();
      for (const flow of links.values()) flow();
    },
    forgetOpen() {
      for (const socket of links.keys()) forgotten.add(socket);
    },
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** What an agent says in a sync. */
export type Said = Readonly<Record<"state" | "job_id" | "job_result", string>>;

export interface Front extends AsyncDisposable {
  readonly endpoint: string;
  /** An answer to a sync in the hub's place; `undefined`: the hub's own. */
  answer: (said: Said) => Response | undefined;
}

/** A hub with a mind of its own: it stands in front of another one, and puts its answers to syncs in the place of that one's. */
export function startFront(target: () => string): Front {
  const front = { answer: (): Response | undefined => undefined } as Pick<Front, "answer">;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const body = await request.text();
      const own = pathname.endsWith("/sync") ? front.answer(JSON.parse(body) as Said) : undefined;
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
  return Object.assign(front, {
    endpoint: `127.0.0.1:${server.port}`,
    [Symbol.asyncDispose]: () => server.stop(true),
  });
}
