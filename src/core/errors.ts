/** Every code an {@link AgentError} can carry, with what it means. Tests assert codes, never messages. */
export const errorCodes = {
  USAGE_INVALID: "the command line cannot be understood",
  CONFIG_INVALID: "a configuration value, key or file has a fault; the message lists all of them",
  CONFIG_UNREADABLE: "the configuration file cannot be read or parsed",
  JOB_INVALID: "the file is not a job request",
  JOB_UNREADABLE: "the job request cannot be read",
  JOB_UNREACHABLE: "the job that this process belongs to cannot be told something, or refuses it",
  JOB_REFUSED: "a plugin refused the job; the message is for the job's user",
  JOB_FAILED: "a plugin has failed the job, and its log says why already",
  PLUGIN_INVALID: "what was loaded is not a plugin, or it asks for something that does not exist",
  PLUGIN_UNKNOWN: "no plugin has this name, or its file or package cannot be found",
  PLUGIN_FAILED: "a plugin's code threw; the message names the plugin and where",
  PLUGIN_SLOW: "a plugin did not answer within its deadline",
  HOOK_UNKNOWN: "no hook has this name",
  SERVICE_TAKEN: "two plugins provide one service under one name",
  SERVICE_UNKNOWN: "nothing provides this service under this name",
  SESSION_FAILED: "the job's shell could not be started, or it does not answer",
  TERMINAL_FAILED: "the terminal could not be opened, or it broke",
  LOG_BUSY: "a block of the job's log is still open, or the log has ended",
  SPOOL_FAILED: "the job's log cannot be written or read on disk",
  STATE_INVALID: "what stands in the state directory is damaged",
  STATE_NEWER: "a newer program has written what stands in the state directory, or runs a job in it",
  STATE_LOCKED: "another agent works in this state directory",
  CONTROL_PLANE_FAILED: "the control plane cannot be reached, or it refused what an agent needs from it",
  PROGRAM_FAILED: "another program that the agent needs cannot be run",
  FILE_FAILED: "a file or directory that the agent needs cannot be made, read or written",
} as const;

export type ErrorCode = keyof typeof errorCodes;

/**
 * The one error class. The message is lower case, names the culprit in quotes, then says what would have been right:
 * `no executor named "shel" (known: shell)`. What can be expected is a value, not an error.
 */
export class AgentError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "AgentError";
    this.code = code;
  }
}

/** The message of whatever was thrown, fit to stand after a colon. */
export function toMessage(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message || thrown.name;
  if (typeof thrown === "string") return thrown;
  const { message } = Object(thrown) as { message?: unknown };
  return typeof message === "string" ? message : Bun.inspect(thrown);
}

/** `true` when `thrown` is an {@link AgentError} with this code. */
export function isAgentError(thrown: unknown, code?: ErrorCode): thrown is AgentError {
  return thrown instanceof AgentError && (code === undefined || thrown.code === code);
}
