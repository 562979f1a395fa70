import {
  AgentError,
  type SpoolBatch,
  toMessage,
  onAbort,
  boundedFetch,
  parseRetryAfter,
  readBody,
} from "signalman";

/** The outcome of a request. `trimmed`: the server accepts no more of this log. `failed`: a retry may succeed. */
export type Answer =
  | { readonly kind: "accepted" | "trimmed" | "too-large" }
  | { readonly kind: "failed"; readonly reason: string; readonly retryAfterMs?: number };

/** The log server of one job (protocol section 4). Make one call at a time. */
export interface LogServer {
  /** The quoted address without its query, which may hold secrets. */
  readonly name: string;
  /**
   * Sends a batch. When the server rejects the token, the token is renewed and the batch is sent once more.
   * Never rejects. After `stop` the call still waits 250 ms for its answer.
   */
  post(batch: SpoolBatch, stop: AbortSignal): Promise<Answer>;
}

export interface LogServerOptions {
  readonly url: string;
  readonly token: string;
  readonly userAgent: string;
  readonly timeoutMs: number;
  /** Certificates (PEM) to trust instead of the default ones. */
  readonly ca?: readonly string[];
  refreshToken(): Promise<string>;
}

/** Throws `JOB_INVALID` when the URL is not an HTTP address. */
export function createLogServer(options: LogServerOptions): LogServer {
  const { userAgent, timeoutMs, refreshToken, ca } = options;
  const url = toUrl(options.url);
  const name = `"${url.origin}${url.pathname}"`;
  let { token } = options;

  /** Removes secrets: network errors contain the address, and some servers echo the request. */
  function scrub(text: string): string {
    const secrets = [token, url.search].filter((secret) => secret.length > 1);
    return secrets.reduce((scrubbed, secret) => scrubbed.replaceAll(secret, "[REDACTED]"), text);
  }

  async function attempt(work: (signal: AbortSignal) => Promise<Result>, stop: AbortSignal): Promise<Result> {
    using deadline = openAttempt(stop, timeoutMs);
    try {
      return await Promise.race([work(deadline.signal), deadline.aborted]);
    } catch (error) {
      return { kind: "failed", reason: scrub(toMessage(deadline.signal.reason ?? toCause(error))) };
    }
  }

  async function send({ start, lines }: SpoolBatch, signal: AbortSignal): Promise<Result> {
    if (!isHeaderValue(token)) return { kind: "unauthorized" };
    const { ofetch } = await import("ofetch");
    const target = new URL(url);
    target.searchParams.set("start_from", String(start.event));
    const response = await ofetch.raw(target.href, {
      method: "POST",
      ...boundedFetch,
      headers: {
        ...boundedFetch.headers,
        authorization: `Bearer ${token}`,
        "content-type": "text/plain",
        "user-agent": userAgent,
      },
      body: lines,
      ...(ca && { tls: { ca: [...ca] } }),
      signal,
      redirect: "manual",
      retry: false,
      ignoreResponseError: true,
      responseType: "stream",
    });
    const kind = kinds[response.status] ?? "failed";
    if (kind !== "failed") {
      await response.body?.cancel();
      return { kind };
    }
    const retryAfterMs = parseRetryAfter(response.headers.get("retry-after"));
    const text = scrub(await readStart(response));
    return {
      kind,
      reason: `status ${response.status}${text && `: ${text}`}`,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    };
  }

  async function refresh(): Promise<Result> {
    try {
      token = await refreshToken();
    } catch (error) {
      return {
        kind: "failed",
        reason: `status 401, and the token could not be renewed: ${toMessage(error)}`,
      };
    }
    return { kind: "accepted" };
  }

  return {
    name,
    async post(batch, stop) {
      const first = await attempt((signal) => send(batch, signal), stop);
      if (first.kind !== "unauthorized") return first;
      const refreshed = await attempt(refresh, stop);
      if (refreshed.kind === "failed") return refreshed;
      if (stop.aborted) return { kind: "failed", reason: toMessage(stop.reason) };
      const second = await attempt((signal) => send(batch, signal), stop);
      if (second.kind !== "unauthorized") return second;
      return { kind: "failed", reason: "status 401 for a renewed token" };
    },
  };
}

type Result = Answer | { readonly kind: "unauthorized" };

const kinds: Readonly<Record<number, "accepted" | "unauthorized" | "too-large" | "trimmed">> = {
  200: "accepted",
  401: "unauthorized",
  413: "too-large",
  422: "trimmed",
};

function toUrl(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new AgentError(
    "JOB_INVALID",
    `the job's "logger.url" is not an address of a log server (expected http:// or https://)`,
  );
}

function isHeaderValue(token: string): boolean {
  return /^[\x21-\x7e]+$/.test(token);
}

/** Unwraps ofetch's errors, whose message contains the whole address. */
function toCause(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}

/** Reads the beginning of an error response, as one line. */
async function readStart(response: Response): Promise<string> {
  const { text } = await readBody(response, maxErrorBytes);
  return text
    .slice(0, 200)
    .replaceAll(/[\s"]+/g, " ")
    .trim();
}

/** Bytes that are read of a response, after decompression; no answer of a log server has a body that matters. */
const maxErrorBytes = 16 * 1024;

/** The time-out of one call. */
interface Attempt extends Disposable {
  /** Aborts after the time-out, and 250 ms after `stop`: an answer that arrives late still says what was delivered. */
  readonly signal: AbortSignal;
  /** Rejects when the signal aborts. */
  readonly aborted: Promise<never>;
}

function openAttempt(stop: AbortSignal, timeoutMs: number): Attempt {
  const controller = new AbortController();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  aborted.catch(() => {});
  const abort = (reason: unknown): void => {
    controller.abort(reason);
    reject(reason);
  };
  const timers = [setTimeout(() => abort(`no answer within ${timeoutMs / 1000} s`), timeoutMs)];
  const listener = onAbort(stop, () => void timers.push(setTimeout(() => abort(stop.reason), graceMs)));
  return {
    signal: controller.signal,
    aborted,
    [Symbol.dispose]() {
      for (const timer of timers) clearTimeout(timer);
      listener[Symbol.dispose]();
    },
  };
}

const graceMs = 250;
