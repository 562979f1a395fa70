import type { Logger } from "../../core/contracts/logger.ts";
import { toMessage } from "../../core/errors.ts";
import { findPlace } from "../../core/host/plugin-source.ts";
import { ClientGone } from "./body-pieces.ts";
import type { Exchange } from "./exchange.ts";

/**
 * Answers a request, and resolves when it has done so. When it throws, rejects or returns without an answer,
 * the client gets 500, or its connection is closed if the answer has begun. The server logs the error, once for
 * each message.
 */
export type Handler = (exchange: Exchange) => Promise<unknown>;

/**
 * Returns a handler that never rejects. After an error of `handler` it answers with 500, or closes the
 * connection when the answer has begun, and logs the error: once for each message, of which at most 100.
 */
export function catchErrors(
  handler: Handler,
  logger: Pick<Logger, "error">,
): (exchange: Exchange) => Promise<void> {
  const logged = new Set<string>();
  const report = ({ method, path }: Exchange, error: unknown): void => {
    const message = toMessage(error);
    if (logged.has(message) || logged.size > maxLogged) return;
    logged.add(message);
    const place = findPlace(error)?.place;
    const rest = logged.size > maxLogged ? "; further errors of this server are not logged" : "";
    logger.error(
      `${method} ${path.slice(0, 200)} failed${place === undefined ? "" : ` (${place})`}: ${message}${rest}`,
    );
  };

  return async (exchange) => {
    try {
      await handler(exchange);
      if (!exchange.hasBegun && !exchange.isDisconnected) throw new Error(unanswered);
    } catch (error) {
      if (!isClientGone(exchange, error)) report(exchange, error);
      if (exchange.hasBegun) exchange.drop();
      else await exchange.send(500, "internal error, see the log of the agent\n").catch(exchange.drop);
    }
  };
}

const maxLogged = 100;

const unanswered = "the handler has returned without an answer: call send, stream or drop, and await it";

/** What a handler throws because its client has left is no fault: it could not read on, or has cancelled its work. */
function isClientGone(exchange: Exchange, error: unknown): boolean {
  return exchange.isDisconnected && (error instanceof ClientGone || Object(error).name === "AbortError");
}
