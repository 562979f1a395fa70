import { onAbort, toMessage, boundedFetch, parseBoundedJson, parseRetryAfter, readBody } from "signalman";
import type { MachineFacts } from "./machine-facts.ts";
import {
  type Registered,
  type SyncAnswer,
  type SyncRequest,
  toLogToken,
  toRegistered,
  toSyncAnswer,
} from "./wire.ts";

/** Why a call failed. The message contains no token. */
export interface Failure {
  /**
   * `transport`: no complete answer arrived. `status`: the status is not a success. `malformed`: the body is
   * not what the call returns.
   */
  readonly kind: "transport" | "status" | "malformed" | "aborted";
  readonly message: string;
  /** HTTP status; 0 unless the kind is `status`. */
  readonly status: number;
  /** Milliseconds of `Retry-After`, up to 10 minutes; 0 without it. */
  readonly retryAfterMs: number;
}

export type Reply<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: Failure };

export interface RegisterRequest extends MachineFacts {
  readonly name: string;
  readonly singleJob: boolean;
  readonly idleTimeout: number;
  readonly gracePeriod: number;
  readonly jobId: string;
}

/** Client of the hub for one token (protocol sections 1, 2). Every call ends within the time-out, and none rejects. */
export interface HubClient {
  register(request: RegisterRequest, signal?: AbortSignal): Promise<Reply<Registered>>;
  sync(request: SyncRequest, signal?: AbortSignal): Promise<Reply<SyncAnswer>>;
  /**
   * Returns the unchecked JSON of a request. The control plane hands it out complete only once (protocol
   * section 3.2).
   */
  getJob(jobId: string, signal?: AbortSignal): Promise<Reply<unknown>>;
  /** Returns a new token for the log server. */
  refresh(signal?: AbortSignal): Promise<Reply<string>>;
  disconnect(signal?: AbortSignal): Promise<Reply<undefined>>;
}

export interface HubClientOptions {
  /** `https://acme.semaphoreci.com` */
  readonly origin: string;
  readonly token: string;
  readonly version: string;
  readonly timeoutMs: number;
  /** Largest accepted body in bytes, after decompression. */
  readonly maxBodyBytes: number;
  /** Certificates to trust; `undefined` for the default ones. */
  readonly ca: readonly string[] | undefined;
  /** Values that no message may contain, in addition to the token. */
  readonly secrets?: readonly string[];
}

export function createHubClient(options: HubClientOptions): HubClient {
  const { origin, token, version, timeoutMs, maxBodyBytes, ca, secrets = [] } = options;
  const hide = (text: string) =>
    [token, ...secrets]
      .filter((secret) => secret.length >= shortestSecret)
      .reduce((shown, secret) => shown.replaceAll(secret, "[REDACTED]"), text)
      .replaceAll(/\s+/g, " ")
      .trim();
  const fail: Fail = (kind, message, more = {}) => ({
    ok: false,
    failure: { kind, message: hide(message), status: 0, retryAfterMs: 0, ...more },
  });

  const call = async <T>(spec: Call<T>, signal?: AbortSignal): Promise<Reply<T>> => {
    const controller = new AbortController();
    const abort = () => controller.abort();
    using _deadline = startDeadline(timeoutMs, abort);
    using _listener = onAbort(signal, abort);
    try {
      const { ofetch } = await import("ofetch");
      const response = await ofetch.raw<ReadableStream, "stream">(
        `${origin}/api/v1/self_hosted_agents${spec.path}`,
        {
          method: spec.method,
          ...boundedFetch,
          headers: {
            ...boundedFetch.headers,
            Authorization: `Token ${token}`,
            "User-Agent": `SemaphoreAgent/${version}`,
          },
          ...(spec.body !== undefined && { body: spec.body }),
          ...(ca !== undefined && { tls: { ca: [...ca] } }),
          redirect: "manual",
          responseType: "stream",
          ignoreResponseError: true,
          retry: false,
          signal: controller.signal,
        },
      );
      return await toReply(response, spec, { maxBodyBytes, fail });
    } catch (error) {
      if (signal?.aborted) return fail("aborted", "aborted");
      if (controller.signal.aborted) return fail("transport", `no answer within ${timeoutMs / 1000} s`);
      return fail("transport", toMessage(error instanceof Error ? (error.cause ?? error) : error));
    }
  };

  return {
    register: (request, signal) =>
      call(
        {
          ...post("/register", toRegisterBody(request, version)),
          accepts: isSuccess,
          read: json(toRegistered),
        },
        signal,
      ),
    sync: (request, signal) =>
      call({ ...post("/sync", toSyncBody(request)), read: json(toSyncAnswer) }, signal),
    getJob: (jobId, signal) =>
      call(
        {
          method: "GET",
          path: `/jobs/${encodeURIComponent(jobId)}`,
          accepts: is200,
          read: json((value) => value),
        },
        signal,
      ),
    refresh: (signal) => call({ ...post("/refresh"), read: json(toLogToken) }, signal),
    disconnect: (signal) =>
      call({ ...post("/disconnect"), read: () => ({ ok: true, value: undefined }) }, signal),
  };
}

/**
 * Calls `abort` after the time-out. After a standstill of the process, such as a pause of its machine, an answer that
 * has arrived is read first: a job's request is handed out only once.
 */
function startDeadline(timeoutMs: number, abort: () => void): Disposable {
  const due = performance.now() + timeoutMs;
  let timer = setTimeout(() => {
    if (performance.now() - due < standstillMs) abort();
    else timer = setTimeout(abort, catchUpMs);
  }, timeoutMs);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

const standstillMs = 50;
const catchUpMs = 1000;

type Fail = (
  kind: Failure["kind"],
  message: string,
  more?: Partial<Failure>,
) => { readonly ok: false; readonly failure: Failure };

/** Reads an answer, up to the limits. */
async function toReply<T>(
  response: Response,
  spec: Call<T>,
  { maxBodyBytes, fail }: Pick<HubClientOptions, "maxBodyBytes"> & { readonly fail: Fail },
): Promise<Reply<T>> {
  if (!spec.accepts(response.status)) {
    const { text } = await readBody(response, maxErrorBytes);
    const message = `status ${response.status}${text.trim() === "" ? "" : `: ${text.slice(0, 300)}`}`;
    const retryAfterMs = parseRetryAfter(response.headers.get("retry-after")) ?? 0;
    return fail("status", message, { status: response.status, retryAfterMs });
  }
  const { text, fault } = await readBody(response, maxBodyBytes);
  const reply = fault === undefined ? spec.read(text) : undefined;
  const why = fault === undefined ? "" : `: ${fault}`;
  return reply ?? fail("malformed", `malformed answer to ${spec.method} ${spec.path}${why}`);
}

interface Call<T> {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: string;
  accepts(status: number): boolean;
  /** Returns `undefined` for a malformed body. */
  read(text: string): Reply<T> | undefined;
}

function post(path: string, body?: Readonly<Record<string, unknown>>) {
  return {
    method: "POST" as const,
    path,
    accepts: is200,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  };
}

const is200 = (status: number): boolean => status === 200;
const isSuccess = (status: number): boolean => status >= 200 && status < 300;

function json<T>(convert: (value: unknown) => T | undefined): (text: string) => Reply<T> | undefined {
  return (text) => {
    try {
      const value = convert(parseBoundedJson(text));
      return value === undefined ? undefined : { ok: true, value };
    } catch {
      return undefined;
    }
  };
}

function toRegisterBody(request: RegisterRequest, version: string) {
  return {
    name: request.name,
    version,
    pid: process.pid,
    os: request.os,
    arch: request.arch,
    hostname: request.hostname,
    single_job: request.singleJob,
    idle_timeout: request.idleTimeout,
    interruption_grace_period: request.gracePeriod,
    job_id: request.jobId,
  };
}

function toSyncBody(request: SyncRequest) {
  return {
    state: request.state,
    job_id: request.jobId,
    job_result: request.jobResult,
    interrupted_at: request.interruptedAt,
  };
}

/** Redacting shorter secrets would make every message unreadable; no control plane issues them. */
const shortestSecret = 6;
/** Bytes that are read of an answer whose status is an error. */
const maxErrorBytes = 16 * 1024;
