import { stderr } from "../../os/this-process/output.ts";
import { isAgentError } from "../../core/errors.ts";
import type { EarlyOptions } from "../configuration/early-options.ts";
import { toConfigFile } from "../configuration/command-configuration.ts";
import {
  loadFrom,
  loadSources,
  loadValidPart,
  loadWithoutFile,
  type Sources,
  type SourcesOptions,
} from "../configuration/sources.ts";
import { print } from "../output/print.ts";
import type { BuiltIns, FoundCommand } from "./find-command.ts";
import { searchCommand } from "./search-command.ts";

export interface CommandSourcesOptions {
  /** The command line after the program's name. */
  readonly argv: readonly string[];
  /**
   * The command, when it is known without a configuration; otherwise it is looked up among the plugins of the
   * configuration.
   */
  readonly known: FoundCommand | undefined;
  readonly builtIns: BuiltIns;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly early: EarlyOptions;
  /** Lends the SDK to external plugins before the first of them is loaded. */
  readonly lendSdk: () => Promise<void>;
}

/** Loads the configuration that the command needs, or that of a plugin which has the command. */
export async function loadCommandSources(options: CommandSourcesOptions): Promise<Sources> {
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
    return await (wanted === undefined ? loadSources(from) : searchCommand(wanted, from, known?.pages));
  } catch (error) {
    if (isAgentError(error, "USAGE_INVALID")) throw error;
    // These commands work without the file that an agent of this host takes, which may be readable for that agent only.
    const isOptional = place === "host" && early.configFile === undefined;
    if ((configuration === "required" && !isOptional) || !isAgentError(error)) throw error;
    if (reportsFaults) return loadValidPart(from, error);
    print(`${error.message}\n(shown without the configuration file)\n`, stderr());
    return loadWithoutFile(from);
  }
}
