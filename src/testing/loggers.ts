import type { LogFields, Logger } from "../core/contracts/logger.ts";

/** A line of the agent's log. `tag` is the plugin's name, as a rule. */
export interface LogEntry {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly tag: string;
  readonly message: string;
  readonly fields: LogFields;
}

export interface RecordingLogger extends Logger {
  /** All that was logged here and by children, in order. */
  readonly entries: readonly LogEntry[];
}

/** A logger that says nothing. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
};

/** A logger that prints nothing and remembers everything. */
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
