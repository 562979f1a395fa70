import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as v from "valibot";
import { type Command, defineCommand, type Program } from "../../../src/core/contracts/command.ts";
import { readEarlyOptions } from "../../../src/cli/configuration/early-options.ts";
import { loadProgram } from "../../../src/cli/program/program.ts";
import { lendSdk } from "../../project.ts";
import { AgentError } from "../../../src/core/errors.ts";
import { definePlugin, type Plugin } from "../../../src/index.ts";

export interface Scene {
  /** Contents by path, written to a temporary working directory. */
  readonly files?: Readonly<Record<string, string>>;
  readonly argv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly builtIns?: readonly Plugin[];
  /** Changes the command that is called. */
  readonly command?: Partial<Pick<Command, "configuration">>;
}

/** Loads the program for a command without arguments. */
export async function load({
  files = {},
  argv = [],
  env = {},
  builtIns = [probe],
  command,
}: Scene): Promise<Program> {
  const directory = await mkdtemp(join(tmpdir(), "config-"));
  try {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), content);
    }
    const sources = { argv: ["nothing", ...argv], env, cwd: directory };
    const { program } = await loadProgram({
      ...sources,
      early: readEarlyOptions(sources),
      known: { name: "nothing", command: { ...noCommand, ...command } },
      builtIns: {
        plugins: Object.fromEntries(
          builtIns.map((plugin) => [plugin.name, async () => ({ default: plugin })]),
        ),
        commands: {},
      },
      lendSdk,
      version: "1.2.3",
    });
    return program;
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Returns the errors of a configuration. */
export async function failureOf(scene: Scene): Promise<AgentError> {
  try {
    await load(scene);
  } catch (error) {
    if (error instanceof AgentError) return error;
    throw error;
  }
  throw new Error("nothing is wrong with it");
}

/** An option as `signalman config` shows it. */
export function optionOf(program: Program, key: string): { value: unknown; source: string } {
  const option = program.config.options.find((candidate) => candidate.key === key);
  if (option === undefined) throw new Error(`no option ${key}`);
  return { value: option.value, source: option.source.name };
}

/** One option of each kind. */
export const probe: Plugin = definePlugin({
  name: "probe",
  config: v.strictObject({
    text: v.optional(v.string(), "unset"),
    whole: v.optional(
      v.pipe(v.number(), v.integer(), v.minValue(0, "Idle timeout can't be negative. Exiting...")),
      7,
    ),
    switch: v.optional(v.boolean(), false),
    list: v.optional(v.array(v.string()), ["a"]),
    numbers: v.optional(v.array(v.number()), []),
    map: v.optional(v.record(v.string(), v.string()), {}),
    choice: v.optional(v.picklist(["never", "always"]), "never"),
    token: v.optional(v.pipe(v.string(), v.startsWith("tok-"), v.metadata({ secret: true }))),
    nested: v.optional(v.strictObject({ depth: v.number() })),
  }),
  flags: {
    text: "text",
    "whole-number": "whole",
    "no-https": "switch",
    list: "list",
    numbers: "numbers",
    map: "map",
    choice: "choice",
    token: "token",
  },
  setup() {},
});

const noCommand = defineCommand({ meta: { name: "nothing", description: "does nothing" }, run() {} });
