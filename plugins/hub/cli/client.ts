import { AgentError, toMessage, boundedFetch, parseBoundedJson, readBody } from "signalman";
import { defaultPort } from "./arguments.ts";
import type { JobView } from "../view.ts";

/** A client of a hub's management API. */
export interface Client {
  readonly url: string;
  /**
   * Throws `CONTROL_PLANE_FAILED` when the hub cannot be reached, `USAGE_INVALID` when it rejects the call.
   */
  call<T>(method: "GET" | "POST" | "DELETE", path: string, body?: string): Promise<T>;
  /** Sends a GET request and returns the response body as a stream. Throws as `call` does. */
  stream(path: string): Promise<AsyncIterable<Uint8Array>>;
}

export function createClient(hub: string | undefined): Client {
  const address = hub ?? process.env["SIGNALMAN_HUB"] ?? "";
  const text = address === "" ? `127.0.0.1:${defaultPort}` : address;
  const url = (/^https?:\/\//.test(text) ? text : `http://${text}`).replace(/\/+$/, "");
  if (!URL.canParse(url))
    throw new AgentError(
      "USAGE_INVALID",
      `invalid hub address "${text}": expected a URL or host:port, as in 127.0.0.1:4850`,
    );

  const ask = async (method: string, path: string, body?: string, encoding = "gzip"): Promise<Response> => {
    const response = await fetch(`${url}/hub${path}`, {
      ...boundedFetch,
      headers: { "Accept-Encoding": encoding },
      method,
      ...(body === undefined ? {} : { body }),
    }).catch((error: unknown) => {
      const remedy = 'start a hub with "signalman hub", or name the address of one with --hub';
      throw new AgentError("CONTROL_PLANE_FAILED", `connection to the hub at "${url}" failed: ${remedy}`, {
        cause: error,
      });
    });
    if (response.ok) return response;
    const { text } = await readBody(response, maxReasonBytes);
    throw new AgentError(
      response.status >= 500 ? "CONTROL_PLANE_FAILED" : "USAGE_INVALID",
      toReason(text, response.status),
    );
  };
  return {
    url,
    async call<T>(method: string, path: string, body?: string) {
      const response = await ask(method, path, body);
      try {
        const { text, fault } = await readBody(response, maxAnswerBytes);
        if (fault !== undefined) throw new Error(fault);
        return parseBoundedJson(text) as T;
      } catch (error) {
        throw new AgentError(
          "CONTROL_PLANE_FAILED",
          `invalid response from "${url}", which may not be a hub: ${toMessage(error)}`,
        );
      }
    },
    async stream(path) {
      const { body } = await ask("GET", path, undefined, "identity");
      return (body ?? new ReadableStream()) as unknown as AsyncIterable<Uint8Array>;
    },
  };
}

/** Finds a job by its id or a unique prefix of it. Throws `USAGE_INVALID` with the ids of candidates. */
export async function findJob(client: Client, wanted: string): Promise<JobView> {
  const jobs = await client.call<readonly JobView[]>("GET", "/jobs");
  const found = jobs.filter(({ id }) => id.startsWith(wanted));
  const [first, second] = found;
  if (first !== undefined && second === undefined) return first;
  const candidates = (first === undefined ? jobs : found).slice(-5).map(({ id }) => id);
  const ids = candidates.join(", ") || "none";
  throw new AgentError(
    "USAGE_INVALID",
    first === undefined
      ? `job "${wanted}" not found (latest jobs: ${ids})`
      : `job id "${wanted}" is ambiguous (matches: ${ids})`,
  );
}

/** Another server than a hub may answer. */
const maxAnswerBytes = 64 * 2 ** 20;
const maxReasonBytes = 16 * 1024;

function toReason(text: string, status: number): string {
  try {
    const { error } = JSON.parse(text) as { readonly error?: unknown };
    if (typeof error === "string") return error;
  } catch {
    // Another server than a hub may answer.
  }
  return `the hub answered with status ${status}`;
}
