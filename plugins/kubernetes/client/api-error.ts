import { readBody } from "signalman/http";

/** What an API server answers when it refuses. */
interface Status {
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
}

/** A call to the API server that failed: with the server's own reason, or without an answer (`status` 0). */
export class ApiError extends Error {
  readonly status: number;
  /** The server's word: `NotFound`, `AlreadyExists`, `Forbidden`. */
  readonly reason: string;

  constructor(status: number, reason: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "ApiError";
    this.status = status;
    this.reason = reason;
  }
}

export function isApiError(thrown: unknown, status?: number): thrown is ApiError {
  return thrown instanceof ApiError && (status === undefined || thrown.status === status);
}

/** The reason of a failure that is not the server's: no answer, or an answer that is not complete. */
export const unreachable = "Unreachable";

/** Whether the same call may succeed later: no answer, too many requests, or a fault of the server. */
export function isTemporary(thrown: unknown): boolean {
  if (!isApiError(thrown)) return false;
  return thrown.reason === unreachable || thrown.status === 429 || thrown.status >= 500;
}

/** Reads the error of an answer that is not 2xx. */
export async function toApiError(response: Response): Promise<ApiError> {
  const { text } = await readBody(response, 64 * 1024).catch(() => ({ text: "" }));
  const { message, reason = "" } = parseStatus(text);
  const said = message ?? (text.trim().slice(0, 300) || response.statusText || "no reason given");
  return new ApiError(response.status, reason, said + toRemedy(response.status, said));
}

function toRemedy(status: number, said: string): string {
  // Quotas and admission refuse with 403 as well; only a missing right is in these words.
  if (status === 403 && / cannot \w+ resource /.test(said))
    return "; grant this to the agent's role as docs/kubernetes/rbac.yaml does";
  if (status === 404 && /^namespaces "[^"]*" not found$/.test(said))
    return "; create this namespace, or set KUBERNETES_NAMESPACE to another one";
  return "";
}

function parseStatus(text: string): Status {
  try {
    const status: unknown = JSON.parse(text);
    return typeof status === "object" && status !== null ? status : {};
  } catch {
    return {};
  }
}
