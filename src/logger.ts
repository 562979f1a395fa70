/** Structured values beside a message; printed as `key=value`. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * The agent's log, for its operator. (The job's log, for its user, is another thing: {@link JobLog}.)
 * Registered secrets never pass it, whatever the call site does.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that writes to the same place under another tag, with more fields. */
  child(tag: string, fields?: LogFields): Logger;
}
