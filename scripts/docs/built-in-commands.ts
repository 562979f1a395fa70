import { builtIns } from "../../plugins/index.ts";
import type { GeneratedFile } from "./generated-file.ts";
import { replacePart } from "./generated-part.ts";

/** The commands of the built-in plugins in `plugins/index.ts`, generated from what the plugins declare. */
export const builtInCommandsFile: GeneratedFile = {
  file: "plugins/index.ts",
  async render(current) {
    const rows: string[] = [];
    for (const [name, load] of Object.entries(builtIns)) {
      const { commands = {} } = (await load()).default;
      rows.push(...Object.keys(commands).map((command) => `  ${toKey(command)}: "${name}",\n`));
    }
    const head = "export const builtInCommands: Readonly<Record<string, keyof typeof builtIns>> = {\n";
    return replacePart(current, "commands", `${head}${rows.join("")}};\n`);
  },
};

/** Quotes a key as the formatter does. */
function toKey(command: string): string {
  return /^\w+$/.test(command) ? command : `"${command}"`;
}
