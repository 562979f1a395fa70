// The manual pages, from the declarations of commands and options.

import { builtIns } from "../../plugins/index.ts";
import {
  describeDefault,
  describeExample,
  describeRange,
  describeValue,
} from "../../src/cli/help/describe-option.ts";
import { collectCommands, loadCommand } from "../../src/cli/program/find-command.ts";
import { coreName } from "../../src/core/config/flags.ts";
import type { DeclaredOptions, Option } from "../../src/core/contracts/options.ts";
import { declareBuiltIns } from "../docs/options.ts";
import {
  type DescribedCommand,
  renderCommandPage,
  toList,
  toPageName,
  toReferences,
  toSentence,
} from "./command-page.ts";
import { macro, quote, toLiteral, toProse } from "./mdoc.ts";

/**
 * Returns the pages by the names of their files: `signalman.1`, `signalman-<command>.1`, `signalman.yaml.5`. `time` is
 * their date, in seconds since 1970.
 */
export async function renderManualPages(time: number): Promise<ReadonlyMap<string, string>> {
  const declared = await declareBuiltIns();
  const commands = await describeCommands();
  const pages = new Map<string, string>();
  const add = (name: string, section: 1 | 5, lines: readonly string[]) => {
    const head = [`.Dd ${toDate(time)}`, macro("Dt", name.toUpperCase(), String(section)), ".Os"];
    pages.set(`${name}.${section}`, `${[...head, ...lines].join("\n")}\n`);
  };
  add("signalman", 1, renderProgram(commands));
  for (const command of commands) {
    const [family] = command.name.split(" ");
    const related = commands.filter(({ name }) => name !== command.name && name.split(" ")[0] === family);
    const references = ["signalman", ...related.map(({ name }) => toPageName(name))];
    add(toPageName(command.name), 1, renderCommandPage(command, declared, references));
  }
  add("signalman.yaml", 5, renderConfiguration(declared));
  return pages;
}

async function describeCommands(): Promise<DescribedCommand[]> {
  const loaded = await Promise.all(
    Object.values(builtIns).map(async (load) => ({
      plugin: (await load()).default,
      origin: { kind: "built-in" } as const,
    })),
  );
  const commands = collectCommands(loaded);
  return Promise.all(
    [...commands].map(async ([name, { plugin }]) => ({
      name,
      plugin,
      command: await loadCommand(name, commands),
    })),
  );
}

function renderProgram(commands: readonly DescribedCommand[]): string[] {
  return [
    ".Sh NAME",
    ".Nm signalman",
    ".Nd CI job agent",
    ".Sh SYNOPSIS",
    ".Nm",
    ".Ar command",
    ".Op Ar options",
    ".Sh DESCRIPTION",
    ".Nm",
    ...toProse(
      "takes CI jobs from a control plane, runs each of them in an executor, stores the job's log on disk, delivers it, and reports the result. The name of the command precedes all options.",
    ),
    ...toList(
      "The commands are as follows:",
      commands.map(({ name, command }) => ({
        head: `Xr ${toPageName(name)} 1`,
        text: command.meta.description,
      })),
    ),
    ".Sh ENVIRONMENT",
    ...toProse(
      "Each option has a variable, whose name is `SEMAPHORE_AGENT_` and the name of the option in upper case, with underscores.",
    ),
    ".Sh FILES",
    ".Bl -tag -width Ds",
    `.It Pa ${quote("/etc/signalman/config.yaml")}`,
    "Configuration of the agent, see",
    ".Xr signalman.yaml 5 .",
    `.It Pa ${quote("~/.local/state/signalman")}`,
    ...toProse("State, jobs and logs, unless `STATE_DIRECTORY` or `XDG_STATE_HOME` names another place."),
    ".El",
    ".Sh EXIT STATUS",
    ...toProse(
      "The status is 0 when all was done as requested, 1 after a failure, and 2 for a faulty command line, configuration or job file.",
    ),
    ".Sh SEE ALSO",
    ...toReferences(commands.map(({ name }) => toPageName(name))),
  ];
}

function renderConfiguration(declared: readonly DeclaredOptions[]): string[] {
  return [
    ".Sh NAME",
    ".Nm signalman.yaml",
    ".Nd configuration of signalman",
    ".Sh DESCRIPTION",
    ...toProse(
      "The file `config.yaml` in `/etc/signalman`, or `signalman.config.yaml` in the working directory, has an option in each key. JSON, JSONC, TOML, TypeScript and JavaScript are accepted as well. A flag takes precedence over a variable, a variable over the file, and the file over the default. Options of a plugin can also be written below its name in the map `plugins`.",
    ),
    ...declared.flatMap(({ owner, options }) => [
      ...(options.length === 0 ? [] : [macro("Ss", toTitle(owner.name)), ".Bl -tag -width Ds"]),
      ...options.flatMap(renderOption),
      ...(options.length === 0 ? [] : [".El"]),
    ]),
    ".Sh EXAMPLES",
    ...toProse("An agent with two slots and a plugin:"),
    ...toLiteral([
      "endpoint: example.semaphoreci.com",
      "slots: 2",
      "plugins:",
      "  ./notify.ts: { channel: builds }",
    ]),
    ".Sh SEE ALSO",
    ".Xr signalman 1 ,",
    ".Xr signalman\\-config 1 ,",
    ".Xr signalman\\-config\\-check 1",
  ];
}

function toTitle(owner: string): string {
  return owner === coreName ? "The core" : `Plugin ${owner}`;
}

function renderOption(option: Option): string[] {
  const { key, flag, variable, inFile, description, secret } = option;
  const range = describeRange(option);
  const example = describeExample(option);
  const facts = [
    `Value: ${describeValue(option)}${range === undefined ? "" : `, ${range}`}${secret ? "; secret, never shown" : ""}.`,
    `Default: \`${describeDefault(option)}\`.`,
    ...(example === undefined ? [] : [`Example: \`${example}\`.`]),
    ...(flag === undefined ? [] : [`Flag: \`--${flag}\`.`]),
    ...(variable === undefined ? [] : [`Variable: \`${variable}\`.`]),
    ...(inFile ? [] : ["The file cannot contain it."]),
  ];
  return [`.It Ic ${quote(key)}`, ...toProse(toSentence(description)), ...facts.flatMap(toProse)];
}

function toDate(time: number): string {
  const date = new Date(time * 1000);
  const month = date.toLocaleString("en-US", { month: "long", timeZone: "UTC" });
  return `${month} ${date.getUTCDate()}, ${date.getUTCFullYear()}`;
}
