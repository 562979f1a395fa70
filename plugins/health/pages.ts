import type { IncomingMessage, ServerResponse } from "node:http";
import { type Logger, toMessage } from "signalman";

export interface Page {
  readonly status?: number;
  readonly type: string;
  readonly body: string;
}

export type Pages = Readonly<Record<string, () => Page | Promise<Page>>>;

export function toText(body: string, status = 200): Page {
  return { status, type: "text/plain; charset=utf-8", body: `${body}\n` };
}

export function toJson(value: unknown, status = 200): Page {
  return { status, type: "application/json; charset=utf-8", body: `${JSON.stringify(value)}\n` };
}

export interface ListenerOptions {
  readonly logger: Logger;
  /** Returns why a request with this `Host` header is refused. */
  findHostFault(host: string): string | undefined;
}

/** Answers GET and HEAD with the page of the path, and all other requests with an error. Request bodies are not read. */
export function createListener(pages: Pages, { logger, findHostFault }: ListenerOptions) {
  const known = Object.keys(pages).join(", ");

  const find = async ({ method, url = "", headers }: IncomingMessage): Promise<Page> => {
    const fault = findHostFault(headers.host ?? "");
    if (fault !== undefined) return toText(fault, 403);
    const path = url.split("?", 1)[0]!;
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    if (page === undefined) return toText(`unknown path (known: ${known})`, 404);
    if (method !== "GET" && method !== "HEAD") return toText("expected GET or HEAD", 405);
    try {
      return await page();
    } catch (error) {
      logger.error(`request for ${path} failed: ${toMessage(error)}`);
      return toText("internal error, see the log of the agent", 500);
    }
  };

  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { status = 200, type, body } = await find(request);
    response.writeHead(status, {
      "content-type": type,
      "content-length": Buffer.byteLength(body),
      "cache-control": "no-store",
      ...(status === 405 && { allow: "GET, HEAD" }),
      connection: "close",
    });
    response.end(request.method === "HEAD" ? undefined : body);
  };
}
