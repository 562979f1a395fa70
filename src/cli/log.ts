import { openLogFile, openLogFileIfPossible } from "../logger/file.ts";
import type { LogRotation } from "../logger/rotate.ts";
import {
  createLogger,
  type LogFormat,
  type LogLevel,
  type RootLogger,
  streamSink,
} from "../logger/logger.ts";

/** `stderr`: warnings only, for commands that answer and end. `file`: also the log file. `all`: the file, and stdout with it. */
export type LogDestination = "stderr" | "file" | "all";

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
