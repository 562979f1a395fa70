import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { AgentError, toMessage } from "../../core/errors.ts";
import { isKebabCase } from "../../core/host/shape.ts";
import { defineCommand } from "../../core/contracts/command.ts";
import { toPluginFiles } from "../plugin-template/files.ts";
import { print } from "../output/print.ts";

export default defineCommand({
  meta: { name: "plugins new", description: "create a plugin with a passing test" },
  configuration: "lenient",
  log: "stderr",
  args: {
    name: { type: "positional", required: true, description: "name of the plugin, in kebab-case" },
    directory: {
      type: "string",
      description: "directory in which its folder is created (default: the working directory)",
      valueHint: "path",
    },
  },
  async run({ args, program }) {
    const { name } = args;
    if (!isKebabCase(name) || name === "core" || name === "signalman") {
      throw new AgentError(
        "USAGE_INVALID",
        `"${name}" is not a valid plugin name: expected kebab-case, such as "job-hooks"`,
      );
    }
    if (program.plugins.some(({ plugin }) => plugin.name === name)) {
      throw new AgentError(
        "USAGE_INVALID",
        `a plugin named "${name}" is already loaded; choose another name`,
      );
    }
    const folder = resolve(args.directory ?? ".", name);
    if (existsSync(folder))
      throw new AgentError(
        "USAGE_INVALID",
        `"${folder}" already exists; choose another name or another --directory`,
      );
    const files = toPluginFiles(name);
    try {
      await mkdir(folder, { recursive: true });
      for (const [path, text] of Object.entries(files))
        await writeFile(join(folder, path), text, { flag: "wx" });
    } catch (cause) {
      throw new AgentError("FILE_FAILED", `plugin "${name}" could not be written: ${toMessage(cause)}`, {
        cause,
      });
    }
    const shown = relative(process.cwd(), folder) || ".";
    const path = shown.startsWith("..") ? folder : `./${shown}`;
    print(
      [
        ...Object.keys(files).map((file) => `wrote ${join(shown, file)}`),
        "",
        `test it:     signalman plugins test ${shown}`,
        `use it:      plugins: { "${path}": {} }  in signalman.config.yaml`,
      ].join("\n"),
    );
  },
});
