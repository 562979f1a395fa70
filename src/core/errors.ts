import type { errorCodes } from "./error-codes.ts";

export type { ErrorExplanation } from "./error-codes.ts";

/**
 * The code of an {@link AgentError}: one of the program, or a plugin's own. A plugin's codes begin with its
 * name in upper case, followed by an underscore and words: `HEALTH_PORT_TAKEN`; the plugin explains them in
 * its `errors`. Commands report them as failures (exit status 1).
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
  if (thrown instanceof Error) return thrown.message.replace(runtimeAdvice, "") || thrown.name;
  if (typeof thrown === "string") return thrown;
  const { message } = Object(thrown) as { message?: unknown };
  return typeof message === "string" ? message : Bun.inspect(thrown);
}

/** What Bun adds to the messages of failed requests, for the author of the program. */
const runtimeAdvice =
  / (?:Is the computer able to access the url\?|Does the server speak TLS on this port\?|For more information, pass `verbose: true`.*)$/s;

/** Returns `true` when `thrown` is an {@link AgentError}, with this code if one is given. */
export function isAgentError(thrown: unknown, code?: ErrorCode): thrown is AgentError {
  return thrown instanceof AgentError && (code === undefined || thrown.code === code);
}
