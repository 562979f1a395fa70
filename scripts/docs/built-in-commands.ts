import { builtIns } from "../../plugins/index.ts";
import type { GeneratedFile } from "./generated-file.ts";

const begin = "// generated: commands\n";
const end = "// end: commands\n";

/** The commands of the built-in plugins in `plugins/index.ts`, generated from what the plugins declare. */
export const builtInCommandsFile: GeneratedFile = {
  file: "plugins/index.ts",
  async render(current) {
    const [before, rest] = current.split(begin);
    const after = rest?.split(end)[1];
    if (after === undefined) throw new Error(`lines "${begin.trim()}" and "${end.trim()}" not found`);
    const rows: string[] = [];
    for (const [name, load] of Object.entries(builtIns)) {
      const { commands = {} } = (await load()).default;
      rows.push(...Object.keys(commands).map((command) => `  ${toKey(command)}: "${name}",\n`));
    }
    const list = `export const builtInCommands: Readonly<Record<string, keyof typeof builtIns>> = {\n${rows.join("")}};\n`;
    return `${before}${begin}${list}${end}${after}`;
  },
};

/** Quotes a key as the formatter does. */
function toKey(command: string): string {
  return /^\w+$/.test(command) ? command : `"${command}"`;
}
