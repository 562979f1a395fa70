import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text as readText } from "node:stream/consumers";

/**
 * An answer of the double: a status and a body. `drop` closes the connection, `hang` never answers, `isCut`
 * closes the connection during the answer.
 */
export type Answer =
  | {
      readonly status?: number;
      readonly body?: unknown;
      readonly headers?: Record<string, string>;
      readonly isCut?: boolean;
    }
  | "drop"
  | "hang";

export interface Call {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly authorization: string;
  readonly userAgent: string;
}

/** A hub on loopback with scripted answers. Paths without a script get the usual answers of a hub without jobs. */
export interface HubDouble extends AsyncDisposable {
  readonly endpoint: string;
  readonly calls: readonly Call[];
  /** Sets the next answers for this path. A function answers all further calls. */
  script(path: string, ...answers: readonly (Answer | ((call: Call) => Answer | Promise<Answer>))[]): void;
  /** The bodies of the syncs so far. */
  readonly syncs: readonly Readonly<Record<string, unknown>>[];
  readonly paths: readonly string[];
}

export const sync = (action: string, more: Readonly<Record<string, unknown>> = {}): Answer => ({
  body: { action, job_id: "", shutdown_reason: "", next_sync_after: 15, ...more },
});

export const shutdown = (reason: string): Answer => sync("shutdown", { shutdown_reason: reason });

export const accessToken = "access-token-of-the-double";

export async function startHub(): Promise<HubDouble> {
  const calls: Call[] = [];
  const scripts = new Map<string, (Answer | ((call: Call) => Answer | Promise<Answer>))[]>();
  const usual: Readonly<Record<string, Answer>> = {
    "/register": { status: 201, body: { name: "adopted-name", token: accessToken } },
    "/sync": sync("continue"),
    "/refresh": { body: { token: "fresh-log-token" } },
    "/disconnect": { body: "disconnected" },
  };
  const answer = async (call: Call): Promise<Answer> => {
    const script = scripts.get(call.path) ?? [];
    const next = typeof script[0] === "function" ? script[0] : script.shift();
    if (typeof next === "function") return next(call);
    return next ?? usual[call.path] ?? { status: 404, body: "not found" };
  };
  const server = createServer(async (request, response) => {
    const text = await readText(request);
    const call: Call = {
      path: (request.url ?? "").replace("/api/v1/self_hosted_agents", ""),
      body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>),
      authorization: request.headers.authorization ?? "",
      userAgent: request.headers["user-agent"] ?? "",
    };
    calls.push(call);
    const scripted = await answer(call);
    if (scripted === "hang") return;
    if (scripted === "drop") return void request.socket.destroy();
    const { status = 200, body = "", headers } = scripted;
    response.writeHead(status, headers);
    if (scripted.isCut) response.write('{"action": "cont', () => request.socket.destroy());
    else response.end(typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `127.0.0.1:${port}`,
    calls,
    script: (path, ...answers) => void scripts.set(path, [...answers]),
    get syncs() {
      return calls.filter(({ path }) => path === "/sync").map(({ body }) => body);
    },
    get paths() {
      return calls.map(({ path }) => path);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}
