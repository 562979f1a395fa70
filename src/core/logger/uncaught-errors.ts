import { toMessage } from "../errors.ts";
import type { Logger } from "../contracts/logger.ts";

/** Logs uncaught errors (of a plugin's timer, of a promise that is not awaited) instead of ending the process. */
export function logUncaughtErrors(logger: Logger): void {
  const log = (error: unknown) => {
    logger.error(`uncaught error: ${toMessage(error)}`);
    if (error instanceof Error && error.stack) logger.debug(error.stack);
  };
  process.on("uncaughtException", log);
  process.on("unhandledRejection", log);
}
