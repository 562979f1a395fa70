import { AgentError, type SpoolBatch, toMessage } from "signalman";
import { openAttempt } from "./attempt.ts";
import { toRetryAfterMs } from "./backoff.ts";

/** What became of a batch. `trimmed`: the server takes no more of this log. `failed`: it may heal. */
export type Answer =
  | { readonly kind: "accepted" | "trimmed" | "too-large" }
  | { readonly kind: "failed"; readonly reason: string; readonly retryAfterMs?: number };

/** The log server of one job (protocol section 4). One call at a time. */
export interface LogServer {
  /** Its address without what may be secret in it. */
  readonly name: string;
  /**
   * Sends a batch. A token that is refused is replaced and the batch sent again, once. Never rejects; after `stop` an answer that
   * is on its way is waited for, a moment.
   */
  post(batch: SpoolBatch, stop: AbortSignal): Promise<Answer>;
}

export interface LogServerOptions {
  readonly url: string;
  readonly token: string;
  readonly userAgent: string;
  readonly timeoutMs: number;
  /** Certificates (PEM) to trust, in place of the usual ones. */
  readonly ca?: readonly string[];
  refreshToken(): Promise<string>;
}

/** Throws `JOB_INVALID` when the URL is none. */
export function createLogServer(options: LogServerOptions): LogServer {
  const { userAgent, timeoutMs, refreshToken, ca } = options;
  const url = toUrl(options.url);
  const name = `"${url.origin}${url.pathname}"`;
  let { token } = options;

  /** Errors of the network name the address, and some servers repeat what they were sent. */
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
      headers: { authorization: `Bearer ${token}`, "content-type": "text/plain", "user-agent": userAgent },
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
    const retryAfterMs = toRetryAfterMs(response.headers.get("retry-after"));
    const text = scrub(await readStart(response));
    return {
      kind,
      reason: `it answered ${response.status}${text && `, "${text}"`}`,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    };
  }

  async function refresh(): Promise<Result> {
    try {
      token = await refreshToken();
    } catch (error) {
      return { kind: "failed", reason: `it refused the token, and there is no new one: ${toMessage(error)}` };
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
      return { kind: "failed", reason: "it refused a token that is new" };
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
    `the job's "logger.url" is no address of a log server (expected http:// or https://)`,
  );
}

function isHeaderValue(token: string): boolean {
  return /^[\x21-\x7e]+$/.test(token);
}

/** ofetch wraps what fetch threw in a message that shows the whole address. */
function toCause(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}

/** The beginning of a refusal's text, in one line. */
async function readStart(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const first = await reader?.read();
  await reader?.cancel();
  const text = new TextDecoder().decode(first?.value?.subarray(0, 200));
  return text.replaceAll(/[\s"]+/g, " ").trim();
}
