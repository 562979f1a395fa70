import type { Exchange } from "signalman/http";

export const json = { "Content-Type": "application/json" } as const;
export const plainText = { "Content-Type": "text/plain; charset=utf-8" } as const;

/** Answers with a JSON object that has the message. */
export function sendMessage(exchange: Exchange, status: number, message: string): Promise<boolean> {
  return exchange.send(status, `{"message": ${JSON.stringify(message)}}`, json);
}
