import { readBody } from "signalman";

/** The body of an API server's error response. */
interface Status {
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
}

/** A failed call to the API server: refused by the server, or without an answer (`status` 0). */
export class ApiError extends Error {
  readonly status: number;
  /** `reason` of the server's response: `NotFound`, `AlreadyExists`, `Forbidden`. */
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

/** Whether the server refuses the agent: its credentials are not valid any more, or its role lacks the right. */
export function isRefusal(thrown: unknown): thrown is ApiError {
  return isApiError(thrown, 401) || isApiError(thrown, 403);
}

/** `reason` of a call without a complete answer. */
export const unreachable = "Unreachable";

/** Whether a retry may succeed: no answer, too many requests, or a server error. */
export function isTemporary(thrown: unknown): boolean {
  if (!isApiError(thrown)) return false;
  return thrown.reason === unreachable || thrown.status === 429 || thrown.status >= 500;
}

/** Reads the error of a response that is not 2xx. */
export async function toApiError(response: Response): Promise<ApiError> {
  const { text } = await readBody(response, 64 * 1024).catch(() => ({ text: "" }));
  const { message, reason = "" } = parseStatus(text);
  const explanation = message ?? (text.trim().slice(0, 300) || response.statusText || "no reason given");
  return new ApiError(response.status, reason, explanation + toRemedy(response.status, explanation));
}

function toRemedy(status: number, message: string): string {
  // Quotas and admission control also answer with 403; only a missing right has this message.
  if (status === 403 && / cannot \w+ resource /.test(message))
    return "; grant this to the agent's role as docs/kubernetes/rbac.yaml does";
  if (status === 404 && /^namespaces "[^"]*" not found$/.test(message))
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
