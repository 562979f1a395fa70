import { AgentError, toMessage } from "signalman";
import { defaultPort } from "./arguments.ts";

/** Asks a hub that runs somewhere. */
export interface Client {
  readonly url: string;
  /** Throws `CONTROL_PLANE_FAILED` when nobody answers, `USAGE_INVALID` with what the hub has against it. */
  call<T>(method: "GET" | "POST" | "DELETE", path: string, body?: string): Promise<T>;
  /** The same, with an answer that comes in pieces. */
  stream(path: string): Promise<AsyncIterable<Uint8Array>>;
}

export function createClient(hub: string | undefined): Client {
  const given = hub ?? process.env["SIGNALMAN_HUB"] ?? "";
  const text = given === "" ? `127.0.0.1:${defaultPort}` : given;
  const url = (/^https?:\/\//.test(text) ? text : `http://${text}`).replace(/\/+$/, "");
  if (!URL.canParse(url))
    throw new AgentError("USAGE_INVALID", `"${text}" is no address of a hub (as in 127.0.0.1:4850)`);

  const ask = async (method: string, path: string, body?: string): Promise<Response> => {
    const response = await fetch(`${url}/hub${path}`, {
      method,
      ...(body === undefined ? {} : { body }),
    }).catch((error: unknown) => {
      const advice = 'start one with "signalman hub", or say where it is with --hub';
      throw new AgentError("CONTROL_PLANE_FAILED", `no hub answers at "${url}" (${advice})`, {
        cause: error,
      });
    });
    if (response.ok) return response;
    const text = await response.text();
    throw new AgentError(
      response.status >= 500 ? "CONTROL_PLANE_FAILED" : "USAGE_INVALID",
      toFault(text, response.status),
    );
  };
  return {
    url,
    async call<T>(method: string, path: string, body?: string) {
      const response = await ask(method, path, body);
      try {
        return (await response.json()) as T;
      } catch (error) {
        throw new AgentError(
          "CONTROL_PLANE_FAILED",
          `what answers at "${url}" is no hub: ${toMessage(error)}`,
        );
      }
    },
    async stream(path) {
      const { body } = await ask("GET", path);
      return (body ?? new ReadableStream()) as unknown as AsyncIterable<Uint8Array>;
    },
  };
}

function toFault(text: string, status: number): string {
  try {
    const { error } = JSON.parse(text) as { readonly error?: unknown };
    if (typeof error === "string") return error;
  } catch {
    // It is no hub that answers.
  }
  return `the hub answered with status ${status}`;
}
