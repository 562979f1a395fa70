import { isAbsolute } from "node:path";
import type { DeclaredOptions } from "../../core/contracts/options.ts";
import { coreOptions } from "../../agent/options/index.ts";
import type { EarlyOptions } from "./early-options.ts";
import type { ConfigurationPlace } from "../../core/contracts/command.ts";
import { type ConfigFile, loadConfigFile, findConfigFile } from "../../core/config/file.ts";
import { declareOptions, type KnownSchemas } from "../../core/config/flags.ts";
import { choosePlugins, type PluginChoice } from "../../core/config/plugins.ts";
import { AgentError, isAgentError } from "../../core/errors.ts";
import { configurationVariables } from "../../job/base-environment.ts";
import type { ConfigurationPath } from "../../job/settings.ts";
import { type BuiltInPlugins, type LoadedPlugin, loadPlugins } from "../../core/host/loader.ts";
import type { FileTrust } from "./file-trust.ts";
import { findHostFile } from "./host-file.ts";

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
  readonly early: EarlyOptions;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Where the configuration file is looked for. `trusted-host`: as `host`, with the checks of `agent`. */
  readonly place: ConfigurationPlace | "trusted-host";
  /** Whether the file of the agent whose job this process belongs to is used, if the command line names none. */
  readonly isOfJob?: boolean;
  readonly builtIns: BuiltInPlugins;
  /** The schemas of the core and of the built-in plugins, where the program was built with them. */
  readonly schemas?: KnownSchemas | undefined;
  readonly lendSdk: () => Promise<void>;
}

/** Reads the configuration file and loads the plugins that it names. */
export async function loadSources(options: SourcesOptions): Promise<Sources> {
  const { file, trust } = await readFile(options);
  return loadFrom(file, options, { trust });
}

/** Whether there is a configuration file to read. */
export function hasFile(options: SourcesOptions): boolean {
  const named = options.early.configFile ?? findOfJob(options).file;
  return named !== undefined || findConfiguration(options.place, options) !== undefined;
}

/** Loads the built-in plugins only, whatever configuration exists. */
export async function loadWithoutFile(options: SourcesOptions): Promise<Sources> {
  return loadFrom(undefined, options);
}

/**
 * Loads as much as possible of a configuration that has faults: without external plugins if one of them has a
 * fault, else without the file.
 */
export async function loadValidPart(options: SourcesOptions, fault: AgentError): Promise<Sources> {
  let sources: Sources;
  try {
    const { file } = await readFile(options);
    sources = await loadFrom(file, options, { withExternal: false });
  } catch {
    sources = await loadFrom(undefined, options);
  }
  return { ...sources, faults: [fault.message, ...sources.faults] };
}

async function readFile(
  options: SourcesOptions,
): Promise<{ file?: ConfigFile; trust?: FileTrust | undefined }> {
  const { early, cwd, place } = options;
  const ofJob = early.configFile === undefined ? findOfJob(options) : {};
  const named = early.configFile ?? ofJob.file;
  const environment = early.configEnv ?? ofJob.environment;
  const found = named === undefined ? findConfiguration(place, options) : undefined;
  const path = named ?? found?.path;
  if (path === undefined) {
    if (environment === undefined) return {};
    const reason = "no configuration file was found";
    throw new AgentError("CONFIG_INVALID", `environment "${environment}" cannot be selected: ${reason}`);
  }
  const trust = await createTrust(options, found?.isInWorkingDirectory === true);
  const loading = loadConfigFile(path, { environment, cwd, assertFile: trust?.assertConfiguration });
  return { file: await (ofJob.file === undefined ? loading : explainOfJob(loading)), trust };
}

/** The variables are the job's own to change, which a command that it runs with its own rights may follow. */
function findOfJob({ isOfJob, env }: SourcesOptions): Partial<ConfigurationPath> {
  const file = isOfJob ? env[configurationVariables.file] : undefined;
  if (!file || !isAbsolute(file)) return {};
  const environment = env[configurationVariables.environment];
  return { file, ...(environment && { environment }) };
}

async function explainOfJob(loading: Promise<ConfigFile>): Promise<ConfigFile> {
  try {
    return await loading;
  } catch (cause) {
    if (!isAgentError(cause, "CONFIG_UNREADABLE")) throw cause;
    const why = `${configurationVariables.file} names the configuration of this job's agent, which this user must be able to read for commands of plugins`;
    throw new AgentError("CONFIG_UNREADABLE", `${cause.message}; ${why}`, { cause });
  }
}

/** Files of this host are refused, where its jobs and other users could change what an agent executes. */
async function createTrust(
  { place, ...options }: SourcesOptions,
  isInWorkingDirectory: boolean,
): Promise<FileTrust | undefined> {
  if (place !== "agent" && place !== "trusted-host") return undefined;
  const { createFileTrust } = await import("./file-trust.ts");
  return createFileTrust({ ...options, isInWorkingDirectory });
}

/** Loads the plugins that a configuration names. */
export async function loadFrom(
  file: ConfigFile | undefined,
  { builtIns, schemas, cwd, lendSdk }: SourcesOptions,
  {
    withExternal = true,
    trust,
  }: { readonly withExternal?: boolean; readonly trust?: FileTrust | undefined } = {},
): Promise<Sources> {
  const faults: string[] = [];
  const choices = choosePlugins(file, Object.keys(builtIns), faults);
  const chosen = choices.filter(
    ({ isOn, request }) => isOn && (withExternal || request.origin === "built-in"),
  );
  const requests = chosen.map(({ request }) => request);
  const directory = file?.directory ?? cwd;
  const assertFile = trust?.assertPlugin;
  const plugins = await loadPlugins(requests, { builtIns, lendSdk, directory, assertFile });
  const off = choices.filter(({ isOn, request }) => !isOn && request.origin === "built-in");
  return {
    file,
    plugins,
    faults,
    off: off.map(({ request }) => request.key),
    parts: new Map(plugins.map(({ plugin }, index) => [plugin.name, chosen[index]!.parts])),
    declared: await declareOptions(
      [coreOptions, ...plugins.map(({ plugin }) => plugin)],
      toOwnSchemas(schemas, plugins),
    ),
  };
}

/** A plugin from outside declares its options itself, whatever its name. */
function toOwnSchemas(schemas: KnownSchemas = {}, plugins: readonly LoadedPlugin[]): KnownSchemas {
  const outside = new Set(
    plugins.filter(({ origin }) => origin.kind !== "built-in").map(({ plugin }) => plugin.name),
  );
  return Object.fromEntries(Object.entries(schemas).filter(([name]) => !outside.has(name)));
}

interface FoundConfiguration {
  readonly path: string;
  /**
   * Whether it was found in the working directory, and neither named nor in a directory of this host's
   * configuration.
   */
  readonly isInWorkingDirectory: boolean;
}

/** Finds the configuration file of a command whose command line names none. */
function findConfiguration(
  place: SourcesOptions["place"],
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string | undefined>> },
): FoundConfiguration | undefined {
  if (place === "nowhere") return undefined;
  const onHost = place === "directory" ? undefined : findHostFile(env);
  if (onHost !== undefined) return { path: onHost, isInWorkingDirectory: false };
  const path =
    place === "host" || place === "trusted-host" ? undefined : findConfigFile(cwd, "signalman.config");
  return path === undefined ? undefined : { path, isInWorkingDirectory: true };
}
