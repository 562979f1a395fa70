import type { PluginEntry, PluginOrigin } from "../../core/contracts/host.ts";
import { formatTable } from "../output/columns.ts";
import { defineCommand } from "../../core/contracts/command.ts";
import { print, printJson } from "../output/print.ts";

export default defineCommand({
  meta: {
    name: "plugins",
    description: "list the loaded plugins, and what each of them provides",
  },
  group: "extend",
  examples: [
    { line: "signalman plugins", purpose: "list the plugins of the configuration in this directory" },
  ],
  log: "stderr",
  args: { json: { type: "boolean", description: "print JSON" } },
  async run({ args, program }) {
    await using host = await program.openHost({ roles: ["agent", "job"] });
    const descriptions = new Map(host.describe().map((description) => [description.plugin, description]));
    const rows = program.plugins.map(({ plugin, origin }) => {
      const { hooks = [], services = [] } = descriptions.get(plugin.name) ?? {};
      return toRow({ plugin, origin }, hooks, services);
    });
    if (args.json === true) printJson(rows, 2);
    else print(toTable(rows).join("\n"));
  },
});

interface Row {
  readonly name: string;
  readonly description: string;
  readonly origin: PluginOrigin;
  readonly runsIn: readonly string[];
  readonly hooks: readonly string[];
  readonly services: readonly { readonly service: string; readonly name: string }[];
  readonly commands: readonly string[];
  readonly flags: readonly string[];
}

function toRow({ plugin, origin }: PluginEntry, hooks: Row["hooks"], services: Row["services"]): Row {
  return {
    name: plugin.name,
    description: plugin.description ?? "",
    origin,
    runsIn: plugin.runsIn ?? ["agent", "job"],
    hooks,
    services,
    commands: Object.keys(plugin.commands ?? {}),
    flags: Object.keys(plugin.flags ?? {}),
  };
}

/** A plugin takes as many lines as its longest list has entries. */
function toTable(rows: readonly Row[]): string[] {
  const lines = rows.flatMap((row) => {
    const columns = [
      [row.name],
      [row.origin.kind === "built-in" ? "built-in" : row.origin.specifier],
      [row.runsIn.join(", ")],
      row.hooks,
      row.services.map(({ service, name }) => `${service} "${name}"`),
      row.commands,
      row.flags.map((flag) => `--${flag}`),
    ];
    const height = Math.max(...columns.map(({ length }) => length));
    return Array.from({ length: height }, (_, line) => columns.map((column) => column[line] ?? ""));
  });
  return formatTable([["NAME", "FROM", "RUNS IN", "HOOKS", "SERVICES", "COMMANDS", "FLAGS"], ...lines]);
}
