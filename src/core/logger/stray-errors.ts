import { toMessage } from "../errors.ts";
import type { Logger } from "../contracts/logger.ts";

/** What nobody caught (a plugin's timer, a promise that nobody awaits) is an error in the log, and the end of nothing. */
export function logStrayErrors(logger: Logger): void {
  const log = (error: unknown) => {
    logger.error(`nobody caught an error: ${toMessage(error)}`);
    if (error instanceof Error && error.stack) logger.debug(error.stack);
  };
  process.on("uncaughtException", log);
  process.on("unhandledRejection", log);
}
