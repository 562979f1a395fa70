import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { AgentError, toMessage } from "../../core/errors.ts";
import { isKebabCase } from "../../core/host/shape.ts";
import { defineCommand } from "../../core/contracts/command.ts";
import { toPluginFiles } from "../plugin-template/files.ts";

export default defineCommand({
  meta: { name: "plugins new", description: "write a plugin with a test that passes" },
  configuration: "lenient",
  log: "stderr",
  args: {
    name: { type: "positional", required: true, description: "its name, in kebab-case" },
    directory: { type: "string", description: "where to put its folder (default: here)", valueHint: "path" },
  },
  async run({ args, program }) {
    const { name } = args;
    if (!isKebabCase(name) || name === "core" || name === "signalman") {
      throw new AgentError(
        "USAGE_INVALID",
        `"${name}" is no name for a plugin (wanted: kebab-case, as in "job-hooks")`,
      );
    }
    if (program.plugins.some(({ plugin }) => plugin.name === name)) {
      throw new AgentError("USAGE_INVALID", `there is a plugin named "${name}" already`);
    }
    const folder = resolve(args.directory ?? ".", name);
    if (existsSync(folder)) throw new AgentError("USAGE_INVALID", `${folder} exists already`);
    const files = toPluginFiles(name);
    try {
      await mkdir(folder, { recursive: true });
      for (const [path, text] of Object.entries(files))
        await writeFile(join(folder, path), text, { flag: "wx" });
    } catch (cause) {
      throw new AgentError("FILE_FAILED", `cannot write the plugin "${name}": ${toMessage(cause)}`, {
        cause,
      });
    }
    const shown = relative(process.cwd(), folder) || ".";
    const path = shown.startsWith("..") ? folder : `./${shown}`;
    process.stdout.write(
      [
        ...Object.keys(files).map((file) => `wrote ${join(shown, file)}`),
        "",
        `test it:  signalman plugins test ${shown}`,
        `use it:   plugins: { "${path}": {} }  in signalman.config.yaml`,
        "",
      ].join("\n"),
    );
  },
});
