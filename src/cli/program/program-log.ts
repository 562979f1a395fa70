import type { LogDestination } from "../../core/contracts/command.ts";
import { type Output, stderr, stdout } from "../../os/this-process/output.ts";
import { openLogFile, openLogFileIfPossible } from "../../os/log-file/log-file.ts";
import type { LogRotation } from "../../os/log-file/rotate.ts";
import { createLogger, type LoggerSink } from "../../core/logger/logger.ts";
import type { LogFormat, LogLevel, RootLogger } from "../../core/contracts/logger.ts";

export interface OpenLoggerOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly destination: LogDestination;
  readonly path: string;
  readonly rotation: LogRotation;
  /** Whether the path was configured. Such a file must be writable; the default file may be missing. */
  readonly isPathConfigured: boolean;
}

/** Opens the agent's log. Throws `FILE_FAILED` when a configured file cannot be opened. */
export function openLogger({
  level,
  format,
  destination,
  path,
  rotation,
  isPathConfigured,
}: OpenLoggerOptions): RootLogger {
  const open = isPathConfigured ? openLogFile : openLogFileIfPossible;
  const file = destination === "stderr" ? undefined : open(path, rotation);
  return createLogger({
    level,
    format,
    sinks: [
      ...(file === undefined ? [] : [file]),
      destination === "all" ? toSink(stdout()) : { ...toSink(stderr()), level: "warn" },
    ],
  });
}

function toSink(output: Output): LoggerSink {
  return { write: (line) => void output.write(line) };
}
