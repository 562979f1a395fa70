import type { JobCommandHandler } from "../../core/contracts/job-command.ts";
import { toMessage } from "../../core/errors.ts";

/** The commands that a job's own processes can call, by name. */
export type JobCommands = ReadonlyMap<string, JobCommandHandler>;

/** Environment variable with the path of the job's socket. Not set where the job has none. */
export const jobSocketVariable = "SIGNALMAN_JOB_SOCKET";

/** Version of the messages below. The program that a job calls may be older or newer than the job's process. */
export const jobMessagesVersion = 1;

/** A message to the job: one JSON object per line, each answered in turn. `do` names the command. */
export interface JobMessage {
  readonly version: number;
  readonly do: string;
}

/** An answer of the job: one JSON object per line. After `refused` the job may close the connection. */
export type JobAnswer =
  | { readonly is: "done"; readonly version: number }
  | { readonly is: "refused"; readonly version: number; readonly why: string };

/** Maximum length of a message in bytes. */
export const maxMessageBytes = 256 * 1024;

/**
 * Executes the command that a message names. Returns `undefined` when it is done, else the reason for which
 * it is refused. The message is not trusted.
 */
export function callCommand(commands: JobCommands, json: string, version?: number): string | undefined {
  const message = parseObject(json);
  if (message === undefined) return "the message is no JSON object";
  const spoken = version ?? message["version"];
  if (spoken !== jobMessagesVersion)
    return `the job speaks version ${jobMessagesVersion}, not ${JSON.stringify(spoken)}`;
  const command = commands.get(String(message["do"]));
  if (command === undefined)
    return `the job does not know what to do (known: ${[...commands.keys()].join(", ")})`;
  try {
    command.run(message);
    return undefined;
  } catch (error) {
    return toMessage(error);
  }
}

function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
