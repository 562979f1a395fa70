import { resolve } from "node:path";
import { type ConfigFile, findConfigFile, loadConfigFile } from "../config/file.ts";
import { choosePlugins, type PluginChoice } from "../config/plugins.ts";
import { type EffectiveConfig, resolveConfig, type ResolvedConfig } from "../config/config.ts";
import { AgentError } from "../errors.ts";
import { coreName, declareOptions, type DeclaredOptions, toVariable } from "../config/flags.ts";
import type { Host, HostOptions } from "../host/host.ts";
import { type BuiltInPlugins, type LoadedPlugin, loadPlugins } from "../host/loader.ts";
import type { RootLogger } from "../logger/logger.ts";
import { type CoreConfig, coreOptions } from "../config/options.ts";
import { parseArguments, peekFlags } from "./arguments.ts";
import type { Command, CommandArgs } from "./command.ts";
import { type LogDestination, openLogger } from "./log.ts";

/** The program as a command sees it (citty's `data`): everything is resolved, nothing is set up. */
export interface Program {
  readonly version: string;
  readonly logger: RootLogger;
  readonly config: EffectiveConfig;
  /** In the order in which their hooks are called. */
  readonly plugins: readonly LoadedPlugin[];
  /** Every option, by owner: the core's first, then those of the plugins in their order. */
  readonly declared: readonly DeclaredOptions[];
  /** Every text that was given for a secret option, wherever. The logger knows them; a job's log must not show them either. */
  readonly secrets: readonly string[];
  /** What is wrong with the configuration, for lenient commands; the others are not called then. */
  readonly faults: readonly string[];
  /** Sets the plugins up. Dispose it when the command is done. */
  openHost(options: Pick<HostOptions, "roles" | "onStop" | "onSetupFailed">): Promise<Host>;
}

export interface LoadProgramOptions {
  /** The command's name, and what stands after it. */
  readonly argv: readonly string[];
  /** Finds the command; among the plugins' when it is none of ours. `words`: so many words of `argv` are its name. */
  readonly command: (
    plugins: readonly LoadedPlugin[],
  ) => Promise<{ readonly command: Command; readonly words: number }>;
  readonly builtIns: BuiltInPlugins;
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Where the agent's log goes, beside warnings on stderr. */
  readonly log: LogDestination;
  /**
   * For commands that must also help where the configuration has faults: it is left out, and stderr says so; unless the command is
   * `silent`, because `faults` are what it is about.
   */
  readonly isLenient?: boolean | "silent";
}

export interface LoadedProgram {
  readonly program: Program;
  readonly command: Command;
  /** The command's own arguments, for citty. */
  readonly rawArgs: readonly string[];
}

/** Reads configuration, plugins, flags and environment, in this order, and decides every option. */
export async function loadProgram(options: LoadProgramOptions): Promise<LoadedProgram> {
  const { builtIns, version, env } = options;
  // 1. The file says which plugins there are, the plugins which options there are.
  const sources = await loadSources(options);
  const { file, plugins, faults, declared, parts } = sources;
  const { command, words } = await options.command(plugins);

  // 2. The options say how the command line is to be read.
  const explainUnknown = (flag: string) => explainOff(flag, sources.off, builtIns);
  const { options: flags, rawArgs } = await parseArguments(options.argv.slice(words), {
    command: (await resolveLazy(command.meta))?.name ?? "",
    args: ((await resolveLazy(command.args)) ?? {}) as CommandArgs,
    options: declared.flatMap((declaration) => declaration.options),
    explainUnknown,
  });
  const resolved = await resolveConfig({ declared, flags, env, file, parts, explainUnknown });
  const allFaults = [...faults, ...resolved.faults];
  if (!options.isLenient) assertFlawless(allFaults, resolved.isUsage ? "USAGE_INVALID" : "CONFIG_INVALID");

  // 3. What remains needs all of it.
  const logger = await startLogger(resolved, options.log);
  const openHost: Program["openHost"] = async (hostOptions) => {
    const { createHost } = await import("../host/host.ts");
    const configured = plugins
      .map((loaded) => ({ ...loaded, config: resolved.config.of(loaded.plugin.name) }))
      // Options of which nothing can be had: `faults` says so.
      .filter(({ config }) => config !== undefined || allFaults.length === 0);
    return createHost({ plugins: configured, logger, ...hostOptions });
  };
  const { config, secrets } = resolved;
  const program: Program = {
    version,
    logger,
    config,
    plugins,
    declared,
    secrets,
    faults: allFaults,
    openHost,
  };
  return { program, command, rawArgs };
}

interface Sources {
  readonly file: ConfigFile | undefined;
  readonly plugins: readonly LoadedPlugin[];
  /** Names of the built-ins that are turned off. */
  readonly off: readonly string[];
  readonly parts: ReadonlyMap<string, PluginChoice["parts"]>;
  readonly declared: readonly DeclaredOptions[];
  readonly faults: readonly string[];
}

async function loadSources(options: LoadProgramOptions): Promise<Sources> {
  const { builtIns, cwd } = options;
  try {
    return await loadFrom(await readFile(options), builtIns, cwd);
  } catch (error) {
    if (!options.isLenient || !(error instanceof AgentError)) throw error;
    if (options.isLenient === "silent") return loadWhatIsLeft(options, error);
    process.stderr.write(`${error.message}\n(shown without the configuration file)\n\n`);
    return loadFrom(undefined, builtIns, cwd);
  }
}

/** Without the plugins from outside when one of them is at fault; else without the file. */
async function loadWhatIsLeft(options: LoadProgramOptions, error: AgentError): Promise<Sources> {
  const { builtIns, cwd } = options;
  let sources: Sources;
  try {
    sources = await loadFrom(await readFile(options), builtIns, cwd, { withExternal: false });
  } catch {
    sources = await loadFrom(undefined, builtIns, cwd);
  }
  return { ...sources, faults: [error.message, ...sources.faults] };
}

async function readFile({ argv, env, cwd }: LoadProgramOptions): Promise<ConfigFile | undefined> {
  const flags = peekFlags(argv, ["config-file", "config-env"]);
  const named = flags.get("config-file") || undefined;
  const environment = flags.get("config-env") || env[toVariable("config-env")] || undefined;
  const path = named === undefined ? findConfigFile(cwd) : resolve(cwd, named);
  if (path !== undefined) return loadConfigFile(path, { environment, cwd });
  if (environment === undefined) return undefined;
  throw new AgentError("CONFIG_INVALID", `no environment "${environment}": there is no configuration file`);
}

async function loadFrom(
  file: ConfigFile | undefined,
  builtIns: BuiltInPlugins,
  cwd: string,
  { withExternal = true } = {},
): Promise<Sources> {
  const faults: string[] = [];
  const choices = choosePlugins(file, Object.keys(builtIns), faults);
  const chosen = choices.filter(
    ({ isOn, request }) => isOn && (withExternal || request.origin === "built-in"),
  );
  const plugins = await loadPlugins(
    chosen.map(({ request }) => request),
    { builtIns, directory: file?.directory ?? cwd },
  );
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

/** A plugin that is off is not loaded; only when somebody asks for its flag it is looked at. */
async function explainOff(flag: string, off: readonly string[], builtIns: BuiltInPlugins): Promise<string> {
  for (const name of off) {
    const { flags } = (await builtIns[name]!()).default;
    if (flags !== undefined && Object.hasOwn(flags, flag))
      return ` (an option of plugin "${name}", which is off)`;
  }
  return "";
}

function assertFlawless(faults: readonly string[], code: "USAGE_INVALID" | "CONFIG_INVALID"): void {
  if (faults.length === 0) return;
  const [only, ...others] = faults;
  const message =
    others.length === 0
      ? only!
      : `the configuration has ${faults.length} faults:\n${faults.map((fault) => `  ${fault}`).join("\n")}`;
  throw new AgentError(code, message);
}

async function startLogger(
  { config, secrets }: ResolvedConfig,
  destination: LogDestination,
): Promise<RootLogger> {
  const core = config.of(coreName) as CoreConfig | undefined;
  const path = config.options.find(({ key }) => key === "log-file-path");
  const logger = openLogger({
    level: core?.["log-level"] ?? "info",
    format: core?.["log-format"] ?? "human",
    path: core?.["log-file-path"] ?? "",
    rotation: { maxBytes: core?.["log-file-size"] ?? 0, count: core?.["log-file-count"] ?? 0 },
    isPathChosen: path?.source.kind !== "default",
    destination: core === undefined ? "stderr" : destination,
  });
  logger.addSecrets(secrets);
  return logger;
}

async function resolveLazy<T>(value: T | Promise<T> | (() => T | Promise<T>)): Promise<T> {
  return typeof value === "function" ? (value as () => T | Promise<T>)() : value;
}
