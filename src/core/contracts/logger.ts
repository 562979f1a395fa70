/** Structured values of a log line, printed as `key=value`. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * The agent's log, for its operator. (A job's log, for the user of the job, is a `JobLog`.)
 * Registered secrets are masked in every line, whatever the caller passes.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** Returns a logger that writes to the same place under another tag, with additional fields. */
  child(tag: string, fields?: LogFields): Logger;
}

/** The logger of the program itself. */
export interface RootLogger extends Logger {
  trace(message: string, fields?: LogFields): void;
  fatal(message: string, fields?: LogFields): void;
  /**
   * Masks these values as `[REDACTED]` from now on, also in children. Values of fewer than six characters are
   * ignored.
   */
  addSecrets(values: Iterable<string>): void;
  /** Sets the agent's name, which every following line contains. */
  rename(name: string): void;
  /** Returns a logger that writes to the same place, under a name of its own. */
  fork(): RootLogger;
  /** Opens the log files again by their paths (SIGHUP). */
  reopen(): void;
}

export type LogLevel = "fatal" | "error" | "warn" | "info" | "debug" | "trace";
export type LogFormat = "human" | "json";
