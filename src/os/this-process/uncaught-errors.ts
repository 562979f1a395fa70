import { toMessage } from "../../core/errors.ts";
import { findPlace } from "../../core/host/plugin-source.ts";
import type { Logger } from "../../core/contracts/logger.ts";

/** Logs uncaught errors (of a plugin's timer, of a promise that is not awaited) instead of ending the process. */
export function logUncaughtErrors(logger: Logger): void {
  const log = (error: unknown) => {
    const found = findPlace(error);
    const origin = found ? ` in plugin "${found.plugin}" (${found.place})` : "";
    logger.error(`uncaught error${origin}: ${toMessage(error)}`);
    if (error instanceof Error && error.stack) logger.debug(error.stack);
  };
  process.on("uncaughtException", log);
  process.on("unhandledRejection", log);
}
