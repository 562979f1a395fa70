import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** What becomes of one connection: so many bytes pass, in both directions together, and each piece is late. */
export interface Fate {
  readonly bytes: number;
  readonly delayMs: number;
}

export interface CuttingProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections that were cut. */
  readonly cuts: number;
  /** From now on every connection is refused, and those that stand are cut; or they live on as `fate` decides. */
  refuse(isRefusing: boolean): void;
}

/** A network between an agent and its API server that breaks every connection as `decide` says. */
export async function startCuttingProxy(targetPort: number, decide: () => Fate): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  let cuts = 0;
  let isRefusing = false;

  const server = createServer((client) => {
    const { bytes, delayMs } = decide();
    const target = connect(targetPort, "127.0.0.1");
    let left = isRefusing ? 0 : bytes;
    const cut = () => {
      if (!client.destroyed) cuts += 1;
      client.resetAndDestroy();
      target.resetAndDestroy();
    };
    const pass = (from: Socket, to: Socket) => {
      sockets.add(from);
      from.on("error", () => {});
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      from.on("data", async (chunk: Buffer) => {
        if (delayMs > 0) {
          from.pause();
          await Bun.sleep(delayMs);
          from.resume();
        }
        const passing = chunk.subarray(0, left);
        left -= passing.length;
        if (!to.destroyed && passing.length > 0) to.write(passing);
        if (left <= 0) setTimeout(cut, 1);
      });
    };
    pass(client, target);
    pass(target, client);
    if (left <= 0) cut();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    get cuts() {
      return cuts;
    },
    refuse(next) {
      isRefusing = next;
      if (next) for (const socket of sockets) socket.resetAndDestroy();
    },
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Numbers from 0 to 1 that a seed determines (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
