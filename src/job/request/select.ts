import { AgentError } from "../../core/errors.ts";
import { toLine } from "../../core/text/printable.ts";
import type { JobCommand, JobRequest } from "../../core/contracts/job-request.ts";

/**
 * Returns the part of a job that `--from` and `--only` select. A command is named by its number (from 1), by
 * its directive or alias, or by a part of one of these that no other command has. `only` runs one command and
 * no epilogues; `from` leaves out the commands before it.
 */
export function selectCommands(
  request: JobRequest,
  options: { readonly from?: string | undefined; readonly only?: string | undefined },
): JobRequest {
  const { from, only } = options;
  if (from !== undefined && only !== undefined) {
    throw new AgentError("USAGE_INVALID", `"--from" and "--only" exclude each other: give one of them`);
  }
  if (only !== undefined) {
    const index = findCommand(request.commands, only, "--only");
    return {
      ...request,
      commands: request.commands.slice(index, index + 1),
      epilogueAlways: [],
      epilogueOnPass: [],
      epilogueOnFail: [],
    };
  }
  if (from === undefined) return request;
  return { ...request, commands: request.commands.slice(findCommand(request.commands, from, "--from")) };
}

function findCommand(commands: readonly JobCommand[], wanted: string, flag: string): number {
  if (commands.length === 0)
    throw new AgentError("USAGE_INVALID", `"${flag}" has nothing to choose from: the job has no commands`);
  const text = wanted.trim();
  const isNumber = /^\d+$/.test(text);
  if (isNumber && Number(text) >= 1 && Number(text) <= commands.length) return Number(text) - 1;

  const names = commands.map(({ directive, alias }) =>
    [directive.trim(), alias.trim()].filter((name) => name !== ""),
  );
  const ways = [
    (name: string) => name === text,
    (name: string) => name.startsWith(text),
    (name: string) => name.includes(text),
  ].slice(0, text === "" ? 0 : isNumber ? 1 : 3);
  for (const matches of ways) {
    const found = [...names.keys()].filter((index) => names[index]?.some(matches));
    if (found.length === 1 && found[0] !== undefined) return found[0];
    if (found.length > 1) {
      throw new AgentError(
        "USAGE_INVALID",
        `"${flag} ${toLine(wanted, 60)}" fits several commands:\n${list(commands, found)}`,
      );
    }
  }
  throw new AgentError(
    "USAGE_INVALID",
    `"${flag} ${toLine(wanted, 60)}" fits no command of the job; its commands are:\n${list(commands, [...commands.keys()])}`,
  );
}

function list(commands: readonly JobCommand[], indices: readonly number[]): string {
  const width = String(commands.length).length + 2;
  return indices
    .map((index) => {
      const { directive = "", alias = "" } = commands[index] ?? {};
      const shown =
        alias.trim() === "" ? toLine(directive, 80) : `${toLine(alias, 40)} (${toLine(directive, 38)})`;
      return `${String(index + 1).padStart(width)}  ${shown}`;
    })
    .join("\n");
}
