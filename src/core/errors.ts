/** The program's error codes and their meaning. Tests assert codes, never messages. */
export const errorCodes = {
  USAGE_INVALID: "the command line is not valid",
  CONFIG_INVALID: "a configuration value, key or file has a fault; the message lists all faults",
  CONFIG_UNREADABLE: "the configuration file cannot be read or parsed",
  JOB_INVALID: "the file is not a job request",
  JOB_UNREADABLE: "the job request cannot be read",
  JOB_UNREACHABLE: "the job that this process belongs to does not answer, or does not take a command",
  JOB_REFUSED: "a plugin refused the job or a command that it called; the message is for the job's user",
  JOB_FAILED: "a plugin has failed the job, and the job's log shows the reason already",
  PLUGIN_INVALID: "a file is not a plugin, or a plugin asks for something that does not exist",
  PLUGIN_UNKNOWN: "no plugin has this name, or its file or package cannot be found",
  PLUGIN_FAILED: "a plugin's code threw; the message names the plugin and the place",
  PLUGIN_SLOW: "a plugin missed its deadline",
  HOOK_UNKNOWN: "no hook has this name",
  SERVICE_TAKEN: "two plugins provide a service under the same name",
  SERVICE_UNKNOWN: "no plugin provides this service under this name",
  VARIABLE_INVALID: "a plugin sets a variable that a job cannot have",
  SESSION_FAILED: "the job's shell could not be started, or it does not answer",
  TERMINAL_FAILED: "the terminal could not be opened, or its connection broke",
  LOG_BUSY: "a block of the job's log is still open, or the log has ended",
  SPOOL_FAILED: "the job's log on disk cannot be written or read",
  STATE_INVALID: "a document in the state directory is damaged",
  STATE_NEWER: "a document or a job in the state directory belongs to a newer version of the program",
  STATE_LOCKED: "another agent uses this state directory",
  STATE_UNSAFE: "other users can change the state directory",
  CONTROL_PLANE_FAILED: "the control plane cannot be reached, or it refused a request that the agent needs",
  CONTROL_GROUP_FAILED: "the control group of a job cannot be created, or cannot enforce a limit",
  PROGRAM_FAILED: "another program that the agent needs cannot be run",
  FILE_FAILED: "a file or directory that the agent needs cannot be created, read or written",
} as const;

/**
 * The code of an {@link AgentError}: one of the program, or a plugin's own. A plugin's codes begin with its
 * name in upper case, followed by an underscore and words: `HEALTH_PORT_TAKEN`. Commands report them as
 * failures (exit status 1).
 */
export type ErrorCode = keyof typeof errorCodes | PluginErrorCode;

/** `& {}` keeps the union with the program's codes from collapsing, so that editors still complete those. */
type PluginErrorCode = `${Uppercase<string>}_${Uppercase<string>}` & {};

/**
 * The error class of the program and its plugins. The message is lower case, names the culprit in quotes,
 * then says what is expected: `no executor named "shel" (known: shell)`. An expected outcome is a value, not
 * an error.
 */
export class AgentError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "AgentError";
    this.code = code;
  }
}

/** Returns the message of any thrown value, suitable after a colon. */
export function toMessage(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message || thrown.name;
  if (typeof thrown === "string") return thrown;
  const { message } = Object(thrown) as { message?: unknown };
  return typeof message === "string" ? message : Bun.inspect(thrown);
}

/** Returns `true` when `thrown` is an {@link AgentError}, with this code if one is given. */
export function isAgentError(thrown: unknown, code?: ErrorCode): thrown is AgentError {
  return thrown instanceof AgentError && (code === undefined || thrown.code === code);
}
