import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { AgentError, toMessage } from "../../core/errors.ts";
import { isKebabCase } from "../../core/host/shape.ts";
import { defineCommand } from "../../core/contracts/command.ts";
import { unpackTexts } from "../embedded.ts";
import { toPluginFiles } from "../plugin-template/files.ts";
import { print } from "../output/print.ts";

export default defineCommand({
  meta: { name: "plugins new", description: "create a plugin with a passing test" },
  group: "extend",
  examples: [
    { line: "signalman plugins new notify", purpose: "create ./notify with a plugin and its test" },
    { line: "signalman plugins new notify --directory plugins", purpose: "create it in ./plugins" },
  ],
  configuration: "lenient",
  log: "stderr",
  args: {
    name: { type: "positional", required: true, description: "name of the plugin, in kebab-case" },
    directory: {
      type: "string",
      description: "directory in which its folder is created (default: the working directory)",
      valueHint: "path",
      completes: "directory",
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
    const types = unpackTypes();
    try {
      await writeFiles(folder, files);
      await writeFiles(join(folder, typesDirectory), types);
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
        ...(Object.keys(types).length > 0
          ? [`wrote ${join(shown, typesDirectory)}/: types of signalman, Bun and Node.js`]
          : []),
        "",
        `test it:     signalman plugins test ${shown}`,
        `use it:      plugins: { "${path}": {} }  in signalman.config.yaml`,
      ].join("\n"),
    );
  },
});

/** The tsconfig.json of a new plugin refers to it. */
const typesDirectory = "types";

async function writeFiles(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text, { flag: "wx" });
  }
}

/**
 * Returns the type declarations that the binary contains: path → text. Empty in the package, which has its
 * types itself.
 */
function unpackTypes(): Readonly<Record<string, string>> {
  // The build replaces the variable by the packed declarations.
  const packed = process.env.SIGNALMAN_TYPES;
  return packed === undefined ? {} : unpackTexts(packed);
}
