import { setTimeout as sleep } from "node:timers/promises";
import { toMessage } from "signalman";
import { ApiError, isApiError, isTemporary, toApiError } from "./api-error.ts";
import type { Connection } from "./connection.ts";

export interface CallOptions {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: object;
  readonly signal?: AbortSignal;
  /** Milliseconds in which a call that fails for the moment is repeated. Default: 30 s; 0 for a single attempt. */
  readonly retryMs?: number;
}

/** The API server's REST interface. Every attempt has a deadline, and temporary failures are retried. */
export interface Client {
  readonly connection: Connection;
  /** Calls and parses the answer. Throws {@link ApiError}. */
  call<T = unknown>(method: "GET" | "POST" | "DELETE", path: string, options?: CallOptions): Promise<T>;
  /** Opens an answer that is read as it comes, without a deadline for its body. */
  open(
    path: string,
    options: Pick<CallOptions, "query"> & { readonly signal: AbortSignal },
  ): Promise<Response>;
}

export interface ClientOptions {
  /** Milliseconds for one attempt. */
  readonly requestTimeoutMs?: number;
}

export function createClient(connection: Connection, options: ClientOptions = {}): Client {
  const { requestTimeoutMs = 10_000 } = options;

  async function attempt(method: string, path: string, options: CallOptions): Promise<Response> {
    const deadline = AbortSignal.timeout(requestTimeoutMs);
    const signal = options.signal ? AbortSignal.any([options.signal, deadline]) : deadline;
    const response = await send(connection, path, { ...options, method, signal });
    if (!response.ok) throw Object.assign(await toApiError(response), { retryAfterMs: retryAfter(response) });
    return response;
  }

  return {
    connection,
    async call<T>(method: string, path: string, options: CallOptions = {}) {
      const { retryMs = 30_000, signal } = options;
      const until = performance.now() + retryMs;
      for (let round = 0; ; round += 1) {
        try {
          // The body is part of the attempt: a connection may be cut while it comes.
          return (await readJson(await attempt(method, path, options))) as T;
        } catch (error) {
          signal?.throwIfAborted();
          const pause = pauseMs(error, round);
          if (!isTemporary(error) || performance.now() + pause > until) throw error;
          await sleep(pause, undefined, signal && { signal });
        }
      }
    },
    async open(path, { query, signal }) {
      const response = await send(connection, path, { method: "GET", signal, ...(query && { query }) });
      if (!response.ok) throw await toApiError(response);
      return response;
    },
  };
}

/** The URL of a path of the API with a query. */
export function toUrl(connection: Connection, path: string, query: CallOptions["query"] = {}): URL {
  const url = new URL(connection.server + path);
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) url.searchParams.set(name, String(value));
  return url;
}

async function send(
  connection: Connection,
  path: string,
  options: CallOptions & { readonly method: string; readonly signal: AbortSignal },
): Promise<Response> {
  const { headers, tls, proxy } = await connection.authorize();
  const { body, method, signal } = options;
  try {
    return await fetch(toUrl(connection, path, options.query), {
      method,
      signal,
      tls,
      redirect: "manual",
      headers: {
        ...headers,
        Accept: "application/json",
        ...(body && { "Content-Type": "application/json" }),
      },
      ...(body && { body: JSON.stringify(body) }),
      ...(proxy !== undefined && { proxy }),
    });
  } catch (cause) {
    throw new ApiError(0, "Unreachable", `no answer from "${connection.server}": ${toMessage(cause)}`, {
      cause,
    });
  }
}

async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch (cause) {
    throw new ApiError(0, "Unreachable", `the API server's answer is incomplete: ${toMessage(cause)}`, {
      cause,
    });
  }
}

function retryAfter(response: Response): number | undefined {
  const seconds = Number(response.headers.get("Retry-After") ?? Number.NaN);
  return Number.isFinite(seconds) ? seconds * 1000 : undefined;
}

/** From 100 ms on, doubled up to 3 s, unless the server names a time. */
function pauseMs(error: unknown, round: number): number {
  const asked = isApiError(error) ? (error as { retryAfterMs?: number }).retryAfterMs : undefined;
  return asked ?? Math.min(3000, 100 * 2 ** round) * (0.75 + Math.random() / 2);
}
