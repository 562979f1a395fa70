import type { LogDestination } from "../../core/contracts/command.ts";
import { openLogFile, openLogFileIfPossible } from "../../os/log-file/log-file.ts";
import type { LogRotation } from "../../os/log-file/rotate.ts";
import { createLogger, streamSink } from "../../core/logger/logger.ts";
import type { LogFormat, LogLevel, RootLogger } from "../../core/contracts/logger.ts";

export interface OpenLoggerOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly destination: LogDestination;
  readonly path: string;
  readonly rotation: LogRotation;
  /** A file that somebody asked for must be there; the default one may be missing. */
  readonly isPathChosen: boolean;
}

/** Opens the agent's log. Throws `FILE_FAILED` when the file that was asked for cannot be opened. */
export function openLogger({
  level,
  format,
  destination,
  path,
  rotation,
  isPathChosen,
}: OpenLoggerOptions): RootLogger {
  const open = isPathChosen ? openLogFile : openLogFileIfPossible;
  const file = destination === "stderr" ? undefined : open(path, rotation);
  return createLogger({
    level,
    format,
    sinks: [
      ...(file === undefined ? [] : [file]),
      destination === "all" ? streamSink("stdout") : streamSink("stderr", "warn"),
    ],
  });
}
