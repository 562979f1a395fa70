import { resolve } from "node:path";
import { toVariable } from "../../core/config/flags.ts";
import { exitProgram } from "../../os/this-process/exit-guard.ts";
import { endOutputs, reserveStdout, stdout } from "../../os/this-process/output.ts";
import { toLine } from "../../core/text/printable.ts";
import type { DescribedBuiltIns } from "./built-in.ts";
import { type Candidate, complete } from "./complete.ts";
import type { Declarations } from "./declarations.ts";
import type { HostPlace } from "./host-values.ts";
import { unquoteBash } from "./unquote-bash.ts";

export interface CompletionOptions {
  /** A shell and the words of the command line up to the cursor, or `--plugins`. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly builtIns: DescribedBuiltIns;
  readonly lendSdk: () => Promise<void>;
}

/**
 * Answers the script of a shell: `words`, `file` or `directory` (which the shell completes itself), and a line for
 * each word with its description after a tab. Any fault leads to fewer words, and to no message.
 */
export async function runCompletion(options: CompletionOptions): Promise<never> {
  try {
    stdout().write(await answer(options));
    await endOutputs();
    exitProgram(0);
  } catch {
    exitProgram(1);
  }
}

async function answer(options: CompletionOptions): Promise<string> {
  const { argv, env, builtIns } = options;
  const [shell, ...rest] = argv;
  if (shell === "--plugins") {
    reserveStdout();
    const { readPluginDeclarations } = await import("./plugin-declarations.ts");
    return JSON.stringify(await readPluginDeclarations(options));
  }
  const words = shell === "bash" ? rest.map(unquoteBash) : rest;
  const program = await loadBuiltIn(builtIns);
  const found = complete(words, program);
  const stateDirectory = toPath(found.given.get("state-dir") || env[toVariable("state-dir")]);
  const respond = async (from: Declarations, configured?: string) => {
    const place = { directory: stateDirectory ?? configured, env };
    return render(words, from, { place, isFiltered: shell === "bash" });
  };
  const isOnHost = found.values === "job" || found.values === "agent";
  if (found.asksPlugins || (isOnHost && stateDirectory === undefined)) {
    const { askPlugins } = await import("./ask-plugins.ts");
    const more = await askPlugins(env);
    try {
      if (more !== undefined) return await respond(merge(program, more), more.stateDirectory);
    } catch {
      // The declarations of a plugin may have any shape.
    }
  }
  return respond(program);
}

interface RenderOptions {
  readonly place: HostPlace;
  /** Whether words that do not begin as the last one does are left out. */
  readonly isFiltered: boolean;
}

async function render(
  words: readonly string[],
  program: Declarations,
  { place, isFiltered }: RenderOptions,
): Promise<string> {
  const last = words.at(-1) ?? "";
  const { candidates, values, prefix } = complete(words, program);
  if (values === "file" || values === "directory") return `${values}\n`;
  if (values === undefined) return toAnswer(candidates, last, isFiltered);
  const { listAgents, listJobIds } = await import("./host-values.ts");
  const list = values === "job" ? listJobIds : listAgents;
  const found = await list(place, last.slice(prefix.length));
  const whole = found.map(({ value, description }) => ({ value: `${prefix}${value}`, description }));
  return toAnswer([...candidates, ...whole], last, isFiltered);
}

function toPath(path: string | undefined): string | undefined {
  return path ? resolve(path) : undefined;
}

/** Reads the declarations that the build has embedded; from source they are collected at each call. */
async function loadBuiltIn(builtIns: DescribedBuiltIns): Promise<Declarations> {
  const embedded = process.env.SIGNALMAN_DECLARATIONS;
  if (embedded !== undefined) return JSON.parse(embedded) as Declarations;
  const { describeBuiltIns } = await import("./built-in.ts");
  return describeBuiltIns(builtIns);
}

function merge(own: Declarations, more: Omit<Declarations, "executors" | "pages">): Declarations {
  // The configuration may give a command of the program further options.
  const further = new Map(more.commands.map((command) => [command.name, command]));
  const flags = new Map([...more.flags, ...own.flags].map((flag) => [flag.name, flag]));
  const commands = own.commands.map((command) => ({
    ...command,
    options: [...new Set([...command.options, ...(further.get(command.name)?.options ?? [])])],
  }));
  const known = new Set(own.commands.map(({ name }) => name));
  return {
    ...own,
    flags: [...flags.values()],
    commands: [...commands, ...more.commands.filter(({ name }) => !known.has(name))],
  };
}

/**
 * Words that a shell would have to quote are left out, so that none of the scripts needs to quote, and a word can
 * neither be executed nor end a line.
 */
const plainWord = /^[\w./@+,-][\w./@+,:%=-]*$/;

function toAnswer(candidates: readonly Candidate[], last: string, isFiltered: boolean): string {
  const words = new Map<string, string>();
  for (const { value, description } of candidates) {
    const isWanted = plainWord.test(value) && (!isFiltered || value.startsWith(last));
    // A command takes precedence over a topic with its name.
    if (isWanted && !words.has(value)) words.set(value, description);
  }
  const lines = [...words].slice(0, maxWords).map(([value, description]) => {
    const text = toLine(description.replaceAll("\t", " "), maxDescription);
    return text === "" ? value : `${value}\t${text}`;
  });
  return `${["words", ...lines].join("\n")}\n`;
}

const maxWords = 1000;
const maxDescription = 200;
