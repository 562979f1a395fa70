import { stderr } from "../../os/this-process/output.ts";
import { findCore } from "../../agent/options/read-core.ts";
import { parseArguments } from "../../core/config/arguments.ts";
import { resolveConfig, type ResolvedConfig } from "../../core/config/config.ts";
import type { LogDestination, Program } from "../../core/contracts/command.ts";
import type { RootLogger } from "../../core/contracts/logger.ts";
import { AgentError } from "../../core/errors.ts";
import type { BuiltInPlugins } from "../../core/host/loader.ts";
import { type CommandSourcesOptions, loadCommandSources } from "./command-sources.ts";
import { collectCommands, findPluginCommand, type FoundCommand } from "./find-command.ts";
import { isInteractive } from "../output/terminal.ts";
import { openLogger } from "./program-log.ts";
import { omitUndeclared, refuseFlags, selectVariables } from "../configuration/command-configuration.ts";
import type { Sources } from "../configuration/sources.ts";

export interface LoadProgramOptions extends CommandSourcesOptions {
  readonly version: string;
}

export interface LoadedProgram extends FoundCommand {
  readonly program: Program;
  /** The command's own arguments, parsed. */
  readonly args: Readonly<Record<string, unknown>>;
}

/** Reads configuration, plugins, flags and environment, in this order, and determines the value of every option. */
export async function loadProgram(options: LoadProgramOptions): Promise<LoadedProgram> {
  // 1. The file names the plugins, and the plugins declare the options and further commands.
  const sources = await loadCommandSources(options);
  const found = options.known ?? (await findPluginCommand(options.argv, collectCommands(sources.plugins)));
  assertOn(found, sources.off);

  // 2. The options determine how the command line is parsed.
  const resolved = await resolve(sources, found, options);
  const { command } = found;
  const others = command.checksEnvironments ? await resolveOthers(sources.file, found, options) : [];
  const faults = [...resolved.faults, ...others.flatMap((other) => labelFaults(other, resolved.faults))];
  if (typeof command.configuration === "object" || (command.configuration ?? "required") === "required")
    assertValid(faults, resolved.isUsage ? "USAGE_INVALID" : "CONFIG_INVALID");

  // 3. The rest of the program needs both.
  const environments = new Map(
    others.flatMap(({ name, open }) => (open ? [[name, open(new Map())] as const] : [])),
  );
  return { ...found, program: resolved.open(environments), args: resolved.args };
}

interface Resolved {
  readonly args: Readonly<Record<string, unknown>>;
  readonly faults: readonly string[];
  readonly isUsage: boolean;
  open(environments: Program["environments"]): Program;
}

/** Determines the value of every option of one configuration. */
async function resolve(
  sources: Sources,
  found: FoundCommand,
  options: LoadProgramOptions,
): Promise<Resolved> {
  const { builtIns, version } = options;
  const { plugins, declared } = sources;
  const { configuration } = found.command;
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
  const faults = [
    ...sources.faults,
    ...resolved.faults,
    ...(await findAgentFaults(found, declared, resolved, options)),
  ];
  const open = (environments: Program["environments"]): Program => {
    const logger = openProgramLogger(resolved, found.command.log ?? "file");
    const program: Program = {
      version,
      logger,
      config: resolved.config,
      plugins,
      commands: collectCommands(plugins),
      declared,
      secrets: resolved.secrets,
      faults,
      environments,
      async openHost({ plugins: isChosen = () => true, ...hostOptions }) {
        const { createHost } = await import("../../core/host/host.ts");
        const configured = plugins
          .filter(isChosen)
          .map((loaded) => ({ ...loaded, config: resolved.config.of(loaded.plugin.name) }))
          // A plugin without valid options is left out; `faults` names it.
          .filter(({ config }) => config !== undefined || faults.length === 0);
        return createHost({ plugins: configured, logger, ...hostOptions });
      },
      async runAgent(slots, createSource) {
        const { runAgentCommand } = await import("../../agent/run-agent.ts");
        // An agent is rarely started on a terminal.
        using view = isInteractive(stderr())
          ? (await import("../output/agent-exit.ts")).openAgentExitView()
          : undefined;
        await runAgentCommand(program, slots, createSource, view?.watch);
      },
    };
    return program;
  };
  return { args, faults, isUsage: resolved.isUsage, open };
}

interface OtherEnvironment extends Partial<Pick<Resolved, "open">>, Pick<Resolved, "faults"> {
  readonly name: string;
}

/** Resolves the configuration once for each environment that is not selected, with the plugins that it names. */
async function resolveOthers(
  file: Sources["file"],
  found: FoundCommand,
  options: LoadProgramOptions,
): Promise<OtherEnvironment[]> {
  const others: OtherEnvironment[] = [];
  for (const name of file?.environments ?? []) {
    if (name === options.early.configEnv) continue;
    const other = {
      ...options,
      known: found,
      early: { ...options.early, configFile: file!.path, configEnv: name },
    };
    try {
      others.push({ name, ...(await resolve(await loadCommandSources(other), found, other)) });
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      others.push({ name, faults: [error.message] });
    }
  }
  return others;
}

function labelFaults({ name, faults }: OtherEnvironment, known: readonly string[]): string[] {
  return faults.filter((fault) => !known.includes(fault)).map((fault) => `environment "${name}": ${fault}`);
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
