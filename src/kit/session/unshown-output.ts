import type { Logger } from "../../core/contracts/logger.ts";
import type { Session } from "./session.ts";

/** Logs how many bytes of a session's output are in no command's output. Called at the end of the session. */
export function logUnshownOutput(
  { pendingBytes, droppedBytes }: Pick<Session, "pendingBytes" | "droppedBytes">,
  logger: Logger,
): void {
  if (pendingBytes > 0) logger.info("output arrived after the last command", { bytes: pendingBytes });
  if (droppedBytes > 0) logger.warn("output between two commands was dropped", { bytes: droppedBytes });
}
