/** A Docker engine's API over its socket, as tests use it: without the plugin's own client. */
export interface EngineApi {
  readonly socket: string;
  /** Rejects when the status is not 2xx or 304. */
  call(method: string, path: string, options?: CallOptions): Promise<Response>;
  get<T>(path: string): Promise<T>;
}

export interface CallOptions {
  readonly json?: unknown;
  readonly body?: Blob | string | Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
}

export function createEngineApi(socket: string): EngineApi {
  const call: EngineApi["call"] = async (method, path, { json, body, headers } = {}) => {
    const response = await fetch(`http://engine${path}`, {
      method,
      unix: socket,
      headers: { ...headers, ...(json !== undefined && { "content-type": "application/json" }) },
      ...(json !== undefined && { body: JSON.stringify(json) }),
      ...(body !== undefined && { body }),
    });
    if (response.ok || response.status === 304) return response;
    throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  };
  return {
    socket,
    call,
    get: async <T>(path: string) => (await (await call("GET", path)).json()) as T,
  };
}

/** Whether an engine answers at a socket. */
export async function isAnswering(socket: string): Promise<boolean> {
  try {
    await createEngineApi(socket).call("GET", "/_ping");
    return true;
  } catch {
    return false;
  }
}
