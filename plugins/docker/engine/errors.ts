import { AgentError, isAgentError, toMessage } from "signalman";
import type { EngineEndpoint } from "./endpoint.ts";

/** What the engine answered, without the wrapping of the client: `No such image: x`. */
export function toReason(error: unknown): string {
  const { json } = Object(error) as { json?: { message?: unknown } | null };
  const said = typeof json?.message === "string" ? json.message : toMessage(error);
  return said
    .replace(/^\(HTTP code \d+\) [^-]*- /, "")
    .replace(/^Error response from daemon: /, "")
    .trim();
}

export function statusOf(error: unknown): number | undefined {
  const { statusCode } = Object(error) as { statusCode?: unknown };
  if (typeof statusCode === "number") return statusCode;
  const { cause } = Object(error) as { cause?: unknown };
  return cause === undefined ? undefined : statusOf(cause);
}

/** An engine that did not answer at all, as against one that refused. */
export function isUnreachable(error: unknown): boolean {
  return statusOf(error) === undefined && unreachable.test(codeOf(error));
}

/** A local engine that was gone: one that only took too long, or is behind a network, may have run on. */
export function isGone(error: unknown, { socketPath }: EngineEndpoint): boolean {
  return socketPath !== undefined && isUnreachable(error) && codeOf(error) !== "ETIMEDOUT";
}

/** The error of a call to the engine, with what was tried, why it failed, and what to do about it. */
export function toEngineError(error: unknown, what: string, { host }: EngineEndpoint): AgentError {
  if (isAgentError(error)) return error;
  const code = codeOf(error);
  const said = toReason(error);
  const reason = isRejected(said) ? rejected(host, said) : (remedies[code]?.(host) ?? said);
  const tail = unreachable.test(code) && !remedies[code] ? ` (engine "${host}")` : "";
  return new AgentError("DOCKER_FAILED", `cannot ${what}: ${reason}${tail}`, { cause: error });
}

/** Rejects with the code `ETIMEDOUT` when the time is over. */
export async function withTimeout<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new Error(`no answer within ${timeoutMs / 1000} s`);
      reject(Object.assign(error, { code: "ETIMEDOUT" }));
    }, timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    // A late failure is nobody's any more.
    work.catch(() => {});
  }
}

const unreachable =
  /^(ENOENT|FailedToOpenSocket|ECONNREFUSED|ConnectionRefused|EACCES|EPERM|ETIMEDOUT|ECONNRESET|ConnectionClosed|EPIPE|ENOTFOUND|EHOSTUNREACH|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERT_.*|ERR_TLS_.*)$/;

/** The other side of a TLS connection has refused what this one has shown. */
function isRejected(said: string): boolean {
  return /SSL routines.*(ALERT|alert).*(CERT|cert|UNKNOWN_CA|unknown ca)/.test(said);
}

function rejected(host: string, said: string): string {
  return `the Docker engine at "${host}" rejects the client certificate: check cert.pem and key.pem of DOCKER_CERT_PATH or of the context (${said})`;
}

const notThere = (host: string) =>
  `no Docker engine answers at "${host}": start it (\`systemctl start docker\`), or set DOCKER_HOST`;
const forbidden = (host: string) =>
  `the agent's user may not open "${host}": add the user to the group "docker", or run a rootless engine`;

const remedies: Readonly<Record<string, (host: string) => string>> = {
  ENOENT: notThere,
  FailedToOpenSocket: notThere,
  ECONNREFUSED: notThere,
  ConnectionRefused: notThere,
  EACCES: forbidden,
  EPERM: forbidden,
  ETIMEDOUT: (host) => `the Docker engine at "${host}" does not answer`,
};

function codeOf(error: unknown): string {
  const { code, cause } = Object(error) as { code?: unknown; cause?: unknown };
  if (typeof code === "string" && !(error instanceof AgentError)) return code;
  return cause === undefined ? "" : codeOf(cause);
}
