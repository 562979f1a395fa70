import type { CommandGroup, Program } from "../../core/contracts/command.ts";
import { loadCommand } from "../program/find-command.ts";
import { type Entry, formatSection, formatText, type Layout } from "./layout.ts";

/** The sections of the page, in order. */
const titles: Readonly<Record<CommandGroup, string>> = {
  run: "Run jobs:",
  operate: "Operate agents:",
  configure: "Configure:",
  extend: "Extend:",
  develop: "Develop:",
};

/** The commands whose first example the page shows. */
const shown = ["run", "doctor", "start", "hub"];

const nameWidth = 19;

/** Renders the page of the program: the commands in groups, examples, and the other pages; 40 lines at most. */
export async function renderOverview(program: Program, layout: Layout): Promise<string[]> {
  const { version, commands } = program;
  const external = findExternal(program);
  const rows = await Promise.all(
    toFamilies([...commands.keys()].filter((name) => !external.has(name))).map(async ([name, ...others]) => {
      const { group, meta } = await loadCommand(name!, commands);
      const also = others.map((other) => other.slice(other.indexOf(" ") + 1)).join(", ");
      return { group, left: name!, right: [`${meta.description}${also === "" ? "" : ` (also: ${also})`}`] };
    }),
  );
  // The plugin of a command may be turned off.
  const found = shown.filter((name) => commands.has(name));
  const examples = await Promise.all(
    found.map(async (name) => (await loadCommand(name, commands)).examples?.[0]),
  );
  const lines = examples.flatMap((example) => example ?? []);
  const lineWidth = Math.max(...lines.map(({ line }) => line.length)) + 4;
  return [
    `signalman ${version}: a CI job agent`,
    "Usage: signalman <command> [options]",
    "",
    ...Object.entries(titles).flatMap(([group, title]) => {
      const entries = rows.filter((row) => row.group === group);
      // The sections follow each other without empty lines, so that the page fits.
      return formatSection(title, entries, layout, nameWidth).slice(1);
    }),
    ...formatExternal([...external.keys()], layout),
    ...formatSection(
      "Examples:",
      lines.map(({ line, purpose }) => ({ left: line, right: [purpose] })),
      layout,
      lineWidth,
    ),
    ...formatSection("More help:", pages, layout, lineWidth),
  ];
}

const pages: readonly Entry[] = [
  { left: "signalman help <command>", right: ["its usage, examples and options"] },
  { left: "signalman help options [word]", right: ["all options, or those that match a word"] },
  {
    left: "signalman help topics [word]",
    right: ["the pages, or sections about a word"],
  },
  {
    left: "signalman help hooks|errors [name]",
    right: ["what plugins can listen to; error codes with remedy"],
  },
];

/** Returns the names of the commands of plugins that are not built in. */
function findExternal({ plugins, commands }: Program): ReadonlySet<string> {
  const builtIn = new Set(
    plugins.filter(({ origin }) => origin.kind === "built-in").map(({ plugin }) => plugin.name),
  );
  const names = [...commands].filter(([, { plugin }]) => plugin !== undefined && !builtIn.has(plugin));
  return new Set(names.map(([name]) => name));
}

/** Groups names by their first word. A command whose name is that word comes first. */
function toFamilies(names: readonly string[]): string[][] {
  return [...Map.groupBy(names, (name) => name.split(" ", 1)[0]).values()];
}

/** Lists commands of plugins by name, on two lines at most. */
function formatExternal(names: readonly string[], layout: Layout): string[] {
  if (names.length === 0) return [];
  const lines = formatText(`Of plugins: ${names.join(", ")}`, layout);
  const [first = "", second] = lines;
  if (second === undefined || lines.length === 2) return lines;
  return [first, `${second.slice(0, layout.columns - 4).replace(/,[^,]*$/, "")}, …`];
}
