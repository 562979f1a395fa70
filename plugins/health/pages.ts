import { type Logger, toMessage } from "signalman";
import type { Exchange, Handler } from "signalman/http";

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

/** Answers GET and HEAD with the page of the path, and other requests with an error. Bodies are not read. */
export function createHandler(pages: Pages, logger: Logger): Handler {
  const known = Object.keys(pages).join(", ");

  const find = async ({ method, path }: Exchange): Promise<Page> => {
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

  return async (exchange) => {
    const { status = 200, type, body } = await find(exchange);
    await exchange.send(status, body, {
      "Content-Type": type,
      "Cache-Control": "no-store",
      ...(status === 405 && { Allow: "GET, HEAD" }),
    });
  };
}
