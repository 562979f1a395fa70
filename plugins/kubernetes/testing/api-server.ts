import { createClient, type Client } from "../client/client.ts";

/** A received request. */
export interface Received {
  readonly method: string;
  /** Path with the query. */
  readonly path: string;
  readonly body: string;
}

/** A test double of an API server: it answers with the test's responses, over HTTP on loopback. */
export interface ApiServerDouble extends AsyncDisposable {
  readonly client: Client;
  readonly received: readonly Received[];
}

export type Answer = (request: Received, count: number) => Response | Promise<Response>;

export function startApiServer(answer: Answer, options: { requestTimeoutMs?: number } = {}): ApiServerDouble {
  const received: Received[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const one = { method: request.method, path: pathname + search, body: await request.text() };
      received.push(one);
      return answer(one, received.length);
    },
  });
  const client = createClient(
    {
      server: `http://127.0.0.1:${server.port}`,
      namespace: "jobs",
      isInCluster: false,
      authorize: async () => ({ headers: { Authorization: "Bearer token" }, tls: {} }),
    },
    options,
  );
  return { client, received, [Symbol.asyncDispose]: () => server.stop(true) };
}

/** Builds an error response of an API server. */
export function refusal(
  code: number,
  reason: string,
  message: string,
  headers: Record<string, string> = {},
): Response {
  return Response.json(
    { kind: "Status", status: "Failure", code, reason, message },
    { status: code, headers },
  );
}
