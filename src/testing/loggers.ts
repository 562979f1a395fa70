import type { LogFields, Logger } from "../core/contracts/logger.ts";

/** A line of the agent's log. `tag` usually is the name of the plugin. */
export interface LogEntry {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly tag: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger that keeps its lines. */
export interface RecordingLogger extends Logger {
  /** The lines of this logger and its children, in order. */
  readonly entries: readonly LogEntry[];
}

/** A logger that discards every line. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
};

/** A logger that records every line and prints none. */
export function createRecordingLogger(): RecordingLogger {
  const entries: LogEntry[] = [];
  const write =
    (level: LogEntry["level"], tag: string, base: LogFields) => (message: string, fields?: LogFields) => {
      entries.push({ level, tag, message, fields: { ...base, ...fields } });
    };
  const create = (tag: string, base: LogFields): RecordingLogger => ({
    entries,
    debug: write("debug", tag, base),
    info: write("info", tag, base),
    warn: write("warn", tag, base),
    error: write("error", tag, base),
    child: (childTag, fields) => create(childTag, { ...base, ...fields }),
  });
  return create("", {});
}
