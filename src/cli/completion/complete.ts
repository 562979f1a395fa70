import type { DeclaredCommand, DeclaredFlag, Declarations, DeclaredValue } from "./declarations.ts";

/** A word that the shell may insert, and what it shows beside it. */
export interface Candidate {
  readonly value: string;
  readonly description: string;
}

/** What can stand at the end of a command line. */
export interface Completion {
  /** The whole words, whether or not they begin as the last word does. */
  readonly candidates: readonly Candidate[];
  /** Values that are found on this host. */
  readonly values?: "file" | "directory" | "job" | "agent";
  /** What precedes such a value in its word: `--keep=`. */
  readonly prefix: string;
  /** Whether a plugin that is not built in may add something. */
  readonly asksPlugins: boolean;
  /** Values of flags before the last word. */
  readonly given: ReadonlyMap<string, string>;
}

/** Completes the last of the words after the program's name, which may be empty. */
export function complete(words: readonly string[], program: Declarations): Completion {
  const current = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const command = findCommand(before, program.commands);
  const typed = command === undefined ? before.length : command.name.split(" ").length;
  const subcommands = before.length === 1 ? nextWords(before, program.commands) : [];
  if (command === undefined) {
    const candidates = before.length === 0 ? [...nextWords([], program.commands), ...ofProgram] : subcommands;
    return { candidates, prefix: "", asksPlugins: true, given: new Map() };
  }
  const flags = [...command.flags, ...program.flags];
  const line = readLine(before.slice(typed), flags);
  const { given } = line;
  const toValues = (value: DeclaredValue, prefix: string) => ({
    ...findValues(value, program, prefix, line.positionals),
    prefix,
    asksPlugins: false,
    given,
  });
  if (line.open !== undefined) return toValues(line.open, "");
  const assigned = line.isQuoted ? undefined : /^--([^=]+)=/.exec(current);
  const flag = assigned && flags.find(({ name }) => name === assigned[1]);
  if (assigned) return toValues(flag ?? {}, assigned[0]);

  const position = command.positionals[line.positionals.length];
  const offered = line.isQuoted ? [] : listFlags(command, program, given);
  const asksPlugins = command.options.length > 0;
  if (current.startsWith("-") && !line.isQuoted)
    return { candidates: offered, prefix: "", asksPlugins, given };
  const found = toValues(position ?? {}, "");
  if (position === undefined && subcommands.length === 0)
    return { ...found, candidates: offered, asksPlugins };
  return { ...found, candidates: [...subcommands, ...found.candidates] };
}

const help: Candidate = { value: "--help", description: "show the usage of the command" };
const ofProgram: readonly Candidate[] = [
  { value: "--help", description: "list the commands" },
  { value: "--version", description: "print the version" },
];

/** Finds the command that a command line begins with: the one with the longest name. */
function findCommand(
  words: readonly string[],
  commands: readonly DeclaredCommand[],
): DeclaredCommand | undefined {
  const names = [words.slice(0, 2).join(" "), words[0]];
  return names.map((name) => commands.find((command) => command.name === name)).find(Boolean);
}

/** Lists the words that continue the name of a command. */
function nextWords(words: readonly string[], commands: readonly DeclaredCommand[]): Candidate[] {
  const next = new Map<string, string>();
  for (const { name, description } of commands) {
    const parts = name.split(" ");
    const word = parts[words.length];
    if (word === undefined || !words.every((each, index) => each === parts[index])) continue;
    // A group of commands has no description of its own.
    const isWhole = parts.length === words.length + 1;
    if (isWhole || !next.has(word)) next.set(word, isWhole ? description : `${[...words, word].join(" ")} …`);
  }
  return [...next].map(([value, description]) => ({ value, description }));
}

interface Line {
  readonly positionals: readonly string[];
  readonly given: ReadonlyMap<string, string>;
  /** The flag whose value is next. */
  readonly open: DeclaredFlag | undefined;
  /** Whether the rest stands after `--`. */
  readonly isQuoted: boolean;
}

function readLine(words: readonly string[], flags: readonly DeclaredFlag[]): Line {
  const positionals: string[] = [];
  const given = new Map<string, string>();
  let open: DeclaredFlag | undefined;
  let isQuoted = false;
  for (const word of words) {
    const [, dashes, name = "", assigned] = /^(--?)([^=]+)(=.*)?$/s.exec(word) ?? [];
    if (open !== undefined) {
      given.set(open.name, word);
      open = undefined;
    } else if (isQuoted || dashes === undefined) positionals.push(word);
    else if (word === "--") isQuoted = true;
    else {
      const flag = flags.find((each) => (dashes === "--" ? each.name === name : each.short === name));
      if (flag === undefined) continue;
      given.set(flag.name, assigned?.slice(1) ?? "");
      if (!flag.isBoolean && assigned === undefined) open = flag;
    }
  }
  return { positionals, given, open, isQuoted };
}

/** Lists the flags that the command has on its help page, and that can still be given. */
function listFlags(
  { flags, options }: DeclaredCommand,
  program: Declarations,
  given: ReadonlyMap<string, string>,
): Candidate[] {
  const listed = [...flags, ...program.flags.filter(({ name }) => options.includes(name))];
  const free = listed.filter(({ name, isList }) => isList || !given.has(name));
  return [...free.map(({ name, description }) => ({ value: `--${name}`, description })), help];
}

function findValues(
  { completes }: DeclaredValue,
  { commands, executors, pages }: Declarations,
  prefix: string,
  positionals: readonly string[],
): Pick<Completion, "candidates" | "values"> {
  const toCandidates = (values: readonly string[]) =>
    values.map((value) => ({ value: `${prefix}${value}`, description: "" }));
  if (completes === undefined) return { candidates: [] };
  if (completes === "page") {
    const [word = ""] = positionals;
    const further = Object.hasOwn(pages, word) ? pages[word]! : [];
    const words = positionals.length === 0 ? [...Object.keys(pages), ...(pages["topics"] ?? [])] : further;
    return { candidates: [...nextWords(positionals, commands), ...toCandidates(words)] };
  }
  if (completes === "executor") return { candidates: toCandidates(executors) };
  if (typeof completes === "string") return { candidates: [], values: completes };
  return { candidates: toCandidates(completes) };
}
