import type { ConfigFile } from "../../core/config/file.ts";
import { toVariable } from "../../core/config/flags.ts";
import type { CommandConfiguration } from "../../core/contracts/command.ts";
import { AgentError } from "../../core/errors.ts";
import type { Sources } from "./sources.ts";

type Variables = Readonly<Record<string, string | undefined>>;

/** Converts the configuration of a command to what a configuration file with the same keys gives. */
export function toConfigFile({ file }: CommandConfiguration, command: string, directory: string): ConfigFile {
  const path = `signalman ${command}`;
  return { path, directory, environments: [], layers: [{ file: path, values: file, sourceOf: () => path }] };
}

/** Removes the keys that no plugin declares from the configuration of a command, which has one layer. */
export function omitUndeclared({ file, parts, declared }: Sources): Pick<Sources, "file" | "parts"> {
  const [layer] = file?.layers ?? [];
  if (file === undefined || layer === undefined) return { file, parts };
  const flags = declared.flatMap(({ options }) => options.map(({ flag }) => flag));
  const keys = new Set(["plugins", ...flags]);
  const values = Object.fromEntries(Object.entries(layer.values).filter(([key]) => keys.has(key)));
  const known = { ...layer, values };
  return {
    file: { ...file, layers: [known] },
    parts: new Map([...parts].map(([name, own]) => [name, own.map((part) => ({ ...part, layer: known }))])),
  };
}

/** Returns the environment with only those variables of options that the command reads. */
export function selectVariables(env: Variables, { variables }: CommandConfiguration): Variables {
  return Object.fromEntries(variables.map(toVariable).map((name) => [name, env[name]]));
}

/** Throws `USAGE_INVALID` for the flag of an option whose value the command determines. */
export function refuseFlags(flags: ReadonlyMap<string, unknown>, configuration: CommandConfiguration): void {
  const refused = configuration.withoutFlags.find((flag) => flags.has(flag));
  if (refused === undefined) return;
  const reason = "this command determines the option itself";
  throw new AgentError("USAGE_INVALID", `"--${refused}" cannot be given: ${reason}`);
}
