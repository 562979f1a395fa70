import type { Exchange } from "signalman/http";
import { safeHeaders } from "./headers.ts";

type Headers = Readonly<Record<string, string>>;

export function sendJson(
  exchange: Exchange,
  status: number,
  value: unknown,
  headers: Headers = {},
): Promise<boolean> {
  return exchange.send(status, JSON.stringify(value), {
    ...safeHeaders,
    "Content-Type": "application/json",
    ...headers,
  });
}

export function sendError(
  exchange: Exchange,
  status: number,
  error: string,
  headers: Headers = {},
): Promise<boolean> {
  return sendJson(exchange, status, { error }, headers);
}
