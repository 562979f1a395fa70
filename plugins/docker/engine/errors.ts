import { AgentError, isAgentError, toMessage, withDeadline } from "signalman";
import type { EngineEndpoint } from "./endpoint.ts";

/** Returns the engine's own message, without the prefixes of the client: `No such image: x`. */
export function toReason(error: unknown): string {
  const { json } = Object(error) as { json?: { message?: unknown } | null };
  const message = typeof json?.message === "string" ? json.message : toMessage(error);
  return message
    .replace(/^\(HTTP code \d+\) [^-]*- /, "")
    .replace(/^Error response from daemon: /, "")
    .trim();
}

/** Returns the HTTP status of a refusal; `undefined` when the engine did not answer. */
export function statusOf(error: unknown): number | undefined {
  const { statusCode } = Object(error) as { statusCode?: unknown };
  if (typeof statusCode === "number") return statusCode;
  const { cause } = Object(error) as { cause?: unknown };
  return cause === undefined ? undefined : statusOf(cause);
}

/** Whether the engine did not answer. */
export function isUnreachable(error: unknown): boolean {
  return statusOf(error) === undefined && unreachable.test(codeOf(error));
}

/** Whether a local engine was not running. After a time-out, or over a network, it may have been running. */
export function isGone(error: unknown, { socketPath }: EngineEndpoint): boolean {
  return socketPath !== undefined && isUnreachable(error) && codeOf(error) !== "ETIMEDOUT";
}

/** Converts the error of a call into one that names the call, the reason and the remedy. */
export function toEngineError(error: unknown, what: string, { host }: EngineEndpoint): AgentError {
  if (isAgentError(error)) return error;
  const code = codeOf(error);
  const message = toReason(error);
  const reason = isCertificateRejected(message)
    ? certificateRejected(host, message)
    : (remedies[code]?.(host) ?? message);
  const tail = unreachable.test(code) && !remedies[code] ? ` (engine "${host}")` : "";
  return new AgentError("DOCKER_FAILED", `cannot ${what}: ${reason}${tail}`, { cause: error });
}

/** Rejects with the code `ETIMEDOUT` after the time-out. */
export function withTimeout<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  return withDeadline(work, timeoutMs, () =>
    Object.assign(new Error(`no answer within ${timeoutMs / 1000} s`), { code: "ETIMEDOUT" }),
  );
}

const unreachable =
  /^(ENOENT|FailedToOpenSocket|ECONNREFUSED|ConnectionRefused|EACCES|EPERM|ETIMEDOUT|ECONNRESET|ConnectionClosed|EPIPE|ENOTFOUND|EHOSTUNREACH|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERT_.*|ERR_TLS_.*)$/;

/** Whether the engine has refused the client certificate in the TLS handshake. */
function isCertificateRejected(message: string): boolean {
  return /SSL routines.*(ALERT|alert).*(CERT|cert|UNKNOWN_CA|unknown ca)/.test(message);
}

function certificateRejected(host: string, message: string): string {
  return `the Docker engine at "${host}" rejects the client certificate: check cert.pem and key.pem of DOCKER_CERT_PATH or of the context (${message})`;
}

const notRunning = (host: string) =>
  `no Docker engine answers at "${host}": start it (\`systemctl start docker\`), or set DOCKER_HOST`;
const forbidden = (host: string) =>
  `the agent's user is not allowed to open "${host}": add the user to the group "docker", or run a rootless engine`;

const remedies: Readonly<Record<string, (host: string) => string>> = {
  ENOENT: notRunning,
  FailedToOpenSocket: notRunning,
  ECONNREFUSED: notRunning,
  ConnectionRefused: notRunning,
  EACCES: forbidden,
  EPERM: forbidden,
  ETIMEDOUT: (host) => `the Docker engine at "${host}" does not answer`,
};

function codeOf(error: unknown): string {
  const { code, cause } = Object(error) as { code?: unknown; cause?: unknown };
  if (typeof code === "string" && !(error instanceof AgentError)) return code;
  return cause === undefined ? "" : codeOf(cause);
}
