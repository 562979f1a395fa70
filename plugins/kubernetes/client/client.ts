import { setTimeout as sleep } from "node:timers/promises";
import { toMessage, boundedFetch, parseBoundedJson, parseRetryAfter, readBody } from "signalman";
import { ApiError, isApiError, isTemporary, toApiError, unreachable } from "./api-error.ts";
import type { Connection } from "./connection.ts";
import { explainRefusal } from "./credentials.ts";

export interface CallOptions {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: object;
  readonly signal?: AbortSignal;
  /** Milliseconds during which temporary failures are retried. Default: 30 s; 0: one attempt. */
  readonly retryMs?: number;
}

/** The API server's REST interface. Every attempt has a deadline, and temporary failures are retried. */
export interface Client {
  readonly connection: Connection;
  /** Sends a request and parses the response. Throws {@link ApiError}. */
  call<T = unknown>(
    method: "GET" | "POST" | "PATCH" | "DELETE",
    path: string,
    options?: CallOptions,
  ): Promise<T>;
  /** Opens a streaming response. The time-out applies to its headers only. */
  open(
    path: string,
    options: Pick<CallOptions, "query"> & { readonly signal: AbortSignal },
  ): Promise<Response>;
}

export interface ClientOptions {
  /** Time-out of one attempt, in milliseconds. */
  readonly requestTimeoutMs?: number;
}

export function createClient(connection: Connection, options: ClientOptions = {}): Client {
  const { requestTimeoutMs = 10_000 } = options;

  async function attempt(method: string, path: string, options: CallOptions): Promise<Response> {
    const deadline = AbortSignal.timeout(requestTimeoutMs);
    const signal = options.signal ? AbortSignal.any([options.signal, deadline]) : deadline;
    const response = await send(connection, path, { ...options, method, signal });
    if (!response.ok) {
      const retryAfterMs = parseRetryAfter(response.headers.get("Retry-After"));
      throw Object.assign(await refuse(response), { retryAfterMs });
    }
    return response;
  }

  async function refuse(response: Response): Promise<ApiError> {
    const error = await toApiError(response);
    if (error.status !== 401) return error;
    const why = explainRefusal(await connection.authorize());
    return new ApiError(401, error.reason, `${error.message}: ${why}`);
  }

  return {
    connection,
    async call<T>(method: string, path: string, options: CallOptions = {}) {
      const { retryMs = 30_000, signal } = options;
      const until = performance.now() + retryMs;
      for (let round = 0; ; round += 1) {
        try {
          // The body is read within the attempt, because the connection may break before its end.
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
      const timeout = new AbortController();
      const timer = setTimeout(() => timeout.abort(new Error("the time-out has passed")), requestTimeoutMs);
      try {
        const either = AbortSignal.any([signal, timeout.signal]);
        const response = await send(connection, path, {
          method: "GET",
          signal: either,
          ...(query && { query }),
        });
        if (!response.ok) throw await refuse(response);
        return response;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** Builds the URL of an API path with a query. */
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
      decompress: boundedFetch.decompress,
      headers: {
        ...headers,
        ...boundedFetch.headers,
        Accept: "application/json",
        ...(body && {
          "Content-Type": method === "PATCH" ? "application/merge-patch+json" : "application/json",
        }),
      },
      ...(body && { body: JSON.stringify(body) }),
      ...(proxy !== undefined && { proxy }),
    });
  } catch (cause) {
    const remedy = certificateRemedies[(cause as NodeJS.ErrnoException).code ?? ""];
    const message = `no answer from "${connection.server}": ${toMessage(cause)}`;
    if (remedy === undefined) throw new ApiError(0, unreachable, message, { cause });
    throw new ApiError(0, "Untrusted", `${message}; ${remedy}`, { cause });
  }
}

const authority = "set certificate-authority in the kubeconfig to the authority of the server";

/** Remedies of TLS errors, which are not retried. */
const certificateRemedies: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "renew the server's certificate, or correct the clock of this host",
  CERT_NOT_YET_VALID: "correct the clock of this host, or that of the host that issued the certificate",
  ERR_TLS_CERT_ALTNAME_INVALID: "set tls-server-name in the kubeconfig to a name in the certificate",
  DEPTH_ZERO_SELF_SIGNED_CERT: authority,
  SELF_SIGNED_CERT_IN_CHAIN: authority,
  UNABLE_TO_GET_ISSUER_CERT: authority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: authority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: authority,
};

/** Enough for a list of thousands of pods. */
const answerBytes = 64 * 1024 * 1024;

async function readJson(response: Response): Promise<unknown> {
  try {
    const { text, fault } = await readBody(response, answerBytes);
    if (fault !== undefined)
      throw new ApiError(0, "AnswerRefused", `the API server's response cannot be used: ${fault}`);
    return parseBoundedJson(text);
  } catch (cause) {
    if (isApiError(cause)) throw cause;
    throw new ApiError(0, unreachable, `the API server's response is incomplete: ${toMessage(cause)}`, {
      cause,
    });
  }
}

/** Returns a pause that doubles from 100 ms up to 3 s, or the server's `Retry-After` if that is longer. */
function pauseMs(error: unknown, round: number): number {
  const retryAfterMs = isApiError(error) ? (error as { retryAfterMs?: number }).retryAfterMs : undefined;
  return Math.max(retryAfterMs ?? 0, Math.min(3000, 100 * 2 ** round) * (0.75 + Math.random() / 2));
}
