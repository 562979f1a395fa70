import type { JobCommandMessage } from "../../core/contracts/job-command.ts";

/** Environment variable with the path of the job's socket. Not set where the job has none. */
export const jobSocketVariable = "SIGNALMAN_JOB_SOCKET";

/** Environment variable with the directory in which the answers to terminal sequences appear. */
export const jobAnswersVariable = "SIGNALMAN_JOB_ANSWERS";

/** Version of the messages below. The program that a job calls may be older or newer than the job's process. */
export const jobMessagesVersion = 1;

/** Maximum length of a message in bytes. */
export const maxMessageBytes = 256 * 1024;

/** Maximum length of an answer's data in bytes. */
export const maxAnswerBytes = 64 * 1024;

/** A message to the job: one JSON object per line, each answered in turn. `do` names the command. */
export interface JobMessage extends JobCommandMessage {
  readonly version: number;
  readonly do: string;
  /** In a terminal sequence: name of the answer's file, 32 hexadecimal digits. Left out: no answer. */
  readonly answer?: string;
}

/**
 * Why a command was not executed. `refused`: it threw `JOB_REFUSED`. `failed`: its plugin has a fault. `timeout`: it
 * was too slow. `busy`: too many calls. `unknown`: no plugin has it. `invalid`: the message is not understood.
 * `ended`: the job has ended.
 */
export type JobRefusal = "refused" | "failed" | "timeout" | "busy" | "unknown" | "invalid" | "ended";

/** An answer of the job: one JSON object per line. After `refused` the job closes the connection. */
export type JobAnswer =
  | { readonly is: "done"; readonly version: number; readonly answer: JobCommandMessage }
  | { readonly is: "refused"; readonly version: number; readonly code: JobRefusal; readonly why: string };

/** How a call ended: with the answer's data as JSON, or with a refusal. */
export type JobOutcome =
  | { readonly isDone: true; readonly json: string }
  | { readonly isDone: false; readonly code: JobRefusal; readonly why: string };

export function refuse(code: JobRefusal, why: string): JobOutcome {
  return { isDone: false, code, why };
}

/** Formats an outcome as a line of {@link JobAnswer}. */
export function toAnswerLine(outcome: JobOutcome): string {
  if (outcome.isDone) return `{"is":"done","version":${jobMessagesVersion},"answer":${outcome.json}}\n`;
  const { code, why } = outcome;
  return `${JSON.stringify({ is: "refused", version: jobMessagesVersion, code, why })}\n`;
}

/**
 * Reads a message, which is not trusted: JSON text of an object. `given` replaces what the message must say
 * itself otherwise. Returns a text when it is not understood: the reason.
 */
export function parseMessage(
  json: string,
  given: { readonly version?: number; readonly do?: string } = {},
): JobMessage | string {
  const object = parseObject(json);
  if (object === undefined) return "the message is no JSON object";
  const { version, do: name } = { ...object, ...given };
  if (version !== jobMessagesVersion) {
    return `the job speaks version ${jobMessagesVersion}, not ${JSON.stringify(version)?.slice(0, 100)}`;
  }
  return { ...object, version, do: String(name) };
}

function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    return value as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
