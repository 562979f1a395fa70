import type { EarlyOptions } from "../configuration/early-options.ts";
import { findCore } from "../../agent/options/read-core.ts";
import { parseArguments } from "../../core/config/arguments.ts";
import { resolveConfig, type ResolvedConfig } from "../../core/config/config.ts";
import type { LogDestination, Program } from "../../core/contracts/command.ts";
import type { RootLogger } from "../../core/contracts/logger.ts";
import { AgentError, isAgentError } from "../../core/errors.ts";
import type { BuiltInPlugins } from "../../core/host/loader.ts";
import { type BuiltIns, collectCommands, findPluginCommand, type FoundCommand } from "./find-command.ts";
import { openLogger } from "./program-log.ts";
import { searchCommand } from "./search-command.ts";
import { print } from "../output/print.ts";
import {
  omitUndeclared,
  refuseFlags,
  selectVariables,
  toConfigFile,
} from "../configuration/command-configuration.ts";
import {
  loadFrom,
  loadSources,
  loadValidPart,
  loadWithoutFile,
  type Sources,
  type SourcesOptions,
} from "../configuration/sources.ts";

export interface LoadProgramOptions {
  /** The command line after the program's name. */
  readonly argv: readonly string[];
  /**
   * The command, when it is known without a configuration; otherwise it is looked up among the plugins of the
   * configuration.
   */
  readonly known: FoundCommand | undefined;
  readonly builtIns: BuiltIns;
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly early: EarlyOptions;
  /** Lends the SDK to external plugins before the first of them is loaded. */
  readonly lendSdk: () => Promise<void>;
}

export interface LoadedProgram extends FoundCommand {
  readonly program: Program;
  /** The command's own arguments, parsed. */
  readonly args: Readonly<Record<string, unknown>>;
}

/** Reads configuration, plugins, flags and environment, in this order, and determines the value of every option. */
export async function loadProgram(options: LoadProgramOptions): Promise<LoadedProgram> {
  const { builtIns, version, known } = options;

  // 1. The file names the plugins, and the plugins declare the options and further commands.
  const sources = await loadSourcesFor(options);
  const { plugins, faults, declared } = sources;
  const commands = collectCommands(plugins);
  const found = known ?? (await findPluginCommand(options.argv, commands));
  const { configuration = "required" } = found.command;
  assertOn(found, sources.off);

  // 2. The options determine how the command line is parsed.
  const explainUnknown = (flag: string) => explainOff(flag, sources.off, builtIns.plugins);
  const { options: flags, args } = await parseArguments(options.argv.slice(found.name.split(" ").length), {
    command: found.command.meta.name,
    args: found.command.args ?? {},
    options: declared.flatMap((declaration) => declaration.options),
    explainUnknown,
  });
  const isOwn = typeof configuration === "object";
  if (isOwn) refuseFlags(flags, configuration);
  const { file, parts } = isOwn ? omitUndeclared(sources) : sources;
  const env = isOwn ? selectVariables(options.env, configuration) : options.env;
  const resolved = await resolveConfig({ declared, flags, env, file, parts, explainUnknown });
  const allFaults = [
    ...faults,
    ...resolved.faults,
    ...(await findAgentFaults(found, declared, resolved, options)),
  ];
  if (configuration === "required" || isOwn)
    assertValid(allFaults, resolved.isUsage ? "USAGE_INVALID" : "CONFIG_INVALID");

  // 3. The rest of the program needs both.
  const logger = openProgramLogger(resolved, found.command.log ?? "file");
  const program: Program = {
    version,
    logger,
    config: resolved.config,
    plugins,
    commands,
    declared,
    secrets: resolved.secrets,
    faults: allFaults,
    async openHost({ plugins: isChosen = () => true, ...hostOptions }) {
      const { createHost } = await import("../../core/host/host.ts");
      const configured = plugins
        .filter(isChosen)
        .map((loaded) => ({ ...loaded, config: resolved.config.of(loaded.plugin.name) }))
        // A plugin without valid options is left out; `faults` names it.
        .filter(({ config }) => config !== undefined || allFaults.length === 0);
      return createHost({ plugins: configured, logger, ...hostOptions });
    },
    async runAgent(slots, createSource) {
      const { runAgentCommand } = await import("../../agent/run-agent.ts");
      await runAgentCommand(program, slots, createSource);
    },
  };
  return { ...found, program, args };
}

async function loadSourcesFor(options: LoadProgramOptions): Promise<Sources> {
  const { early, env, cwd, builtIns, lendSdk, known } = options;
  const {
    configuration = "required",
    configurationPlace: place = "directory",
    reportsFaults = false,
  } = known?.command ?? {};
  const wanted = known === undefined ? options.argv : known.describes;
  const from: SourcesOptions = {
    early,
    env,
    cwd,
    place,
    // Built-in commands must not depend on what a job may have put into its environment.
    isOfJob: wanted !== undefined,
    lendSdk,
    builtIns: builtIns.plugins,
    schemas: builtIns.schemas,
  };
  if (configuration === "none") return loadWithoutFile(from);
  if (typeof configuration === "object") {
    return loadFrom(toConfigFile(configuration, known!.name, cwd), from);
  }
  try {
    return await (wanted === undefined ? loadSources(from) : searchCommand(wanted, from));
  } catch (error) {
    if (isAgentError(error, "USAGE_INVALID")) throw error;
    // These commands work without the file that an agent of this host takes, which may be readable for that agent only.
    const isOptional = place === "host" && early.configFile === undefined;
    if ((configuration === "required" && !isOptional) || !(error instanceof AgentError)) throw error;
    if (reportsFaults) return loadValidPart(from, error);
    print(`${error.message}\n(shown without the configuration file)\n`, process.stderr);
    return loadWithoutFile(from);
  }
}

/** Finds scripts that an agent must not run, and variables with which it must not run. */
async function findAgentFaults(
  { command }: FoundCommand,
  declared: Sources["declared"],
  { config }: ResolvedConfig,
  options: LoadProgramOptions,
): Promise<string[]> {
  if (command.configurationPlace !== "agent") return [];
  const { createFileTrust } = await import("../configuration/file-trust.ts");
  const trust = createFileTrust({ ...options, isInWorkingDirectory: false });
  return [...findEnvironmentFaults(options.env), ...(trust?.findScriptFaults(declared, config) ?? [])];
}

function assertOn({ name, plugin, command }: FoundCommand, off: readonly string[]): void {
  if (command.configuration === "none" || plugin === undefined || !off.includes(plugin)) return;
  throw new AgentError(
    "USAGE_INVALID",
    `command "${name}" belongs to plugin "${plugin}", which is turned off`,
  );
}

/** Explains an unknown flag that belongs to a plugin which is turned off. Such a plugin is loaded only for this. */
async function explainOff(flag: string, off: readonly string[], builtIns: BuiltInPlugins): Promise<string> {
  for (const name of off) {
    const { flags } = (await builtIns[name]!()).default;
    if (flags !== undefined && Object.hasOwn(flags, flag))
      return ` (an option of plugin "${name}", which is off)`;
  }
  return "";
}

function assertValid(faults: readonly string[], code: "USAGE_INVALID" | "CONFIG_INVALID"): void {
  if (faults.length === 0) return;
  const [only, ...others] = faults;
  const message =
    others.length === 0
      ? only!
      : `the configuration has ${faults.length} faults:\n${faults.map((fault) => `  ${fault}`).join("\n")}`;
  throw new AgentError(code, message);
}

function openProgramLogger({ config, secrets }: ResolvedConfig, destination: LogDestination): RootLogger {
  const core = findCore(config);
  const path = config.options.find(({ key }) => key === "log-file-path");
  const logger = openLogger({
    level: core?.["log-level"] ?? "info",
    format: core?.["log-format"] ?? "human",
    path: core?.["log-file-path"] ?? "",
    rotation: { maxBytes: core?.["log-file-size"] ?? 0, count: core?.["log-file-count"] ?? 0 },
    isPathConfigured: path?.source.kind !== "default",
    destination: core === undefined ? "stderr" : destination,
  });
  logger.addSecrets(secrets);
  return logger;
}

type Variables = Readonly<Record<string, string | undefined>>;

/** Finds settings of the runtime in the environment with which an agent must not run. */
function findEnvironmentFaults(env: Variables): string[] {
  if (env[verification] !== "0") return [];
  return [
    `"${verification}=0" in the environment turns off the verification of certificates, so that any server would receive the agent's tokens: remove it; "ca-file" names certificates to trust`,
  ];
}

/** The runtime reads "0" only. */
const verification = "NODE_TLS_REJECT_UNAUTHORIZED";
