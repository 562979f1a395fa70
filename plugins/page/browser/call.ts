/** An answer that is no success. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export async function call<T>(method: string, path: string, body?: string): Promise<T> {
  const response = await fetch(path, { method, ...(body !== undefined && { body }) });
  const text = await response.text();
  const value = parse(text) as T & { readonly error?: string };
  if (response.ok) return value;
  throw new Refused(response.status, value.error ?? `the server answers ${response.status}`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
