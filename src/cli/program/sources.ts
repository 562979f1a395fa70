import { resolve } from "node:path";
import type { DeclaredOptions } from "../../core/contracts/options.ts";
import { coreOptions } from "../../agent/options/index.ts";
import { peekFlags } from "../../core/config/arguments.ts";
import { type ConfigFile, findConfigFile, loadConfigFile } from "../../core/config/file.ts";
import { declareOptions, toVariable } from "../../core/config/flags.ts";
import { choosePlugins, type PluginChoice } from "../../core/config/plugins.ts";
import { AgentError } from "../../core/errors.ts";
import { type BuiltInPlugins, type LoadedPlugin, loadPlugins } from "../../core/host/loader.ts";

/** The configuration file, the plugins that it names, and the options that they declare. */
export interface Sources {
  readonly file: ConfigFile | undefined;
  readonly plugins: readonly LoadedPlugin[];
  /** Names of the built-in plugins that are turned off. */
  readonly off: readonly string[];
  /** Sections of the `plugins:` map, by plugin. */
  readonly parts: ReadonlyMap<string, PluginChoice["parts"]>;
  readonly declared: readonly DeclaredOptions[];
  readonly faults: readonly string[];
}

export interface SourcesOptions {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly builtIns: BuiltInPlugins;
  readonly lendSdk: () => Promise<void>;
}

/** Reads the configuration file and loads the plugins that it names. */
export async function loadSources(options: SourcesOptions): Promise<Sources> {
  return loadFrom(await readFile(options), options);
}

/** Loads the built-in plugins only, whatever configuration exists. */
export async function loadWithoutFile(options: SourcesOptions): Promise<Sources> {
  return loadFrom(undefined, options);
}

/** Loads as much as possible of a configuration that has faults: without external plugins if one of them has a fault, else without the file. */
export async function loadValidPart(options: SourcesOptions, fault: AgentError): Promise<Sources> {
  let sources: Sources;
  try {
    sources = await loadFrom(await readFile(options), options, { withExternal: false });
  } catch {
    sources = await loadFrom(undefined, options);
  }
  return { ...sources, faults: [fault.message, ...sources.faults] };
}

async function readFile({ argv, env, cwd }: SourcesOptions): Promise<ConfigFile | undefined> {
  const flags = peekFlags(argv, ["config-file", "config-env"]);
  const named = flags.get("config-file") || undefined;
  const environment = flags.get("config-env") || env[toVariable("config-env")] || undefined;
  const path = named === undefined ? findConfigFile(cwd) : resolve(cwd, named);
  if (path !== undefined) return loadConfigFile(path, { environment, cwd });
  if (environment === undefined) return undefined;
  throw new AgentError(
    "CONFIG_INVALID",
    `environment "${environment}" cannot be selected: no configuration file was found`,
  );
}

/** Loads the plugins that a configuration names. */
export async function loadFrom(
  file: ConfigFile | undefined,
  { builtIns, cwd, lendSdk }: SourcesOptions,
  { withExternal = true } = {},
): Promise<Sources> {
  const faults: string[] = [];
  const choices = choosePlugins(file, Object.keys(builtIns), faults);
  const chosen = choices.filter(
    ({ isOn, request }) => isOn && (withExternal || request.origin === "built-in"),
  );
  const requests = chosen.map(({ request }) => request);
  const plugins = await loadPlugins(requests, { builtIns, lendSdk, directory: file?.directory ?? cwd });
  const off = choices.filter(({ isOn, request }) => !isOn && request.origin === "built-in");
  return {
    file,
    plugins,
    faults,
    off: off.map(({ request }) => request.key),
    parts: new Map(plugins.map(({ plugin }, index) => [plugin.name, chosen[index]!.parts])),
    declared: await declareOptions([coreOptions, ...plugins.map(({ plugin }) => plugin)]),
  };
}
