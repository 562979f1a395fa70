import type { JobCommandHandler } from "../../core/contracts/job-command.ts";
import { toMessage } from "../../core/errors.ts";
import { jobMessagesVersion } from "./messages.ts";

/** The commands that a job's own processes can call, by name. */
export type JobCommands = ReadonlyMap<string, JobCommandHandler>;

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
