import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { JobEvent } from "signalman";

/** A fault of one request, before or after the server has processed it. */
export interface Fault {
  /** `cut`: the connection breaks. `hang`: the server never answers. A number: the server answers with this status. */
  readonly kind: "cut" | "hang" | number;
  readonly isProcessed?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface ReceivedRequest {
  readonly startFrom: number;
  readonly events: number;
  readonly bytes: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** `performance.now()` */
  readonly at: number;
  /** Number of other requests in flight when this one arrived. */
  readonly others: number;
}

/** A log server on loopback with the rules of protocol section 4, for tests. */
export interface LogServerDouble extends AsyncDisposable {
  readonly url: string;
  /** The token that the server accepts. */
  token: string;
  /** Size in bytes from which the server accepts no more of a log (422). */
  limitBytes: number;
  /** Size in bytes above which a body is rejected (413). */
  maxBodyBytes: number;
  /** The faults of the next requests, one each. */
  readonly faults: Fault[];
  readonly requests: readonly ReceivedRequest[];
  readonly lines: readonly string[];
  events(): JobEvent[];
}

export async function startLogServerDouble(): Promise<LogServerDouble> {
  const requests: ReceivedRequest[] = [];
  const faults: Fault[] = [];
  let lines: string[] = [];
  let working = 0;

  const http = createServer((request, response) => {
    working += 1;
    response.on("close", () => (working -= 1));
    void answer(request, response);
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const query = new URL(request.url ?? "", "http://localhost").searchParams;
    const batch = body
      .toString()
      .split("\n")
      .filter((line) => line !== "");
    const startFrom = Number(query.get("start_from") ?? Number.NaN);
    const headers = request.headers as Record<string, string | undefined>;
    const at = performance.now();
    requests.push({ startFrom, events: batch.length, bytes: body.length, headers, at, others: working - 1 });
    const fault = faults.shift();
    const status = fault && !fault.isProcessed ? 500 : work(request, startFrom, batch, body.length);
    if (fault?.kind === "hang") return;
    if (fault?.kind === "cut") {
      request.socket.destroy();
      return;
    }
    response.writeHead(fault?.kind ?? status, fault?.headers);
    response.end(fault?.body);
  }

  function work(request: IncomingMessage, startFrom: number, batch: string[], bytes: number): number {
    if (request.headers.authorization !== `Bearer ${server.token}`) return 401;
    if (!Number.isInteger(startFrom)) return 400;
    if (batch.length > 2000 || bytes > server.maxBodyBytes) return 413;
    const isFull = lines.reduce((sum, line) => sum + line.length, 0) > server.limitBytes;
    if (startFrom > 0 && isFull) return 422;
    lines = startFrom === 0 ? batch : lines.slice(0, startFrom).concat(batch);
    return 200;
  }

  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const server: LogServerDouble = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/api/v1/logs/a-job`,
    token: "token-1",
    limitBytes: Infinity,
    maxBodyBytes: Infinity,
    faults,
    requests,
    get lines() {
      return lines;
    },
    events: () => lines.map((line) => JSON.parse(line) as JobEvent),
    async [Symbol.asyncDispose]() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  return server;
}
