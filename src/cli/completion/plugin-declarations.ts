import { loadSources, type Sources } from "../configuration/sources.ts";
import { collectCommands } from "../program/find-command.ts";
import { type Declarations, describeProgram } from "./declarations.ts";
import type { CompletionOptions } from "./main.ts";

/** What the configuration of this host adds to the declarations. */
export interface PluginDeclarations extends Omit<Declarations, "executors" | "pages"> {
  /** The state directory that the file names. */
  readonly stateDirectory?: string;
}

/** Returns the declarations of the host's configuration. Throws unless it is one that an agent would accept. */
export async function readPluginDeclarations({
  env,
  builtIns,
  lendSdk,
}: Omit<CompletionOptions, "argv">): Promise<PluginDeclarations> {
  const sources = await loadSources({
    early: {
      configFile: undefined,
      configEnv: env["SEMAPHORE_AGENT_CONFIG_ENV"] || undefined,
      logLevel: undefined,
      hasShellUser: false,
      allowsWritableConfiguration: false,
    },
    env,
    cwd: "/",
    place: "trusted-host",
    builtIns: builtIns.plugins,
    schemas: builtIns.schemas,
    lendSdk,
  });
  const { plugins, declared } = sources;
  const { commands, flags } = await describeProgram({
    commands: collectCommands(plugins),
    declared,
    executors: [],
    pages: {},
  });
  const stateDirectory = findStateDirectory(sources);
  return { commands, flags, ...(stateDirectory !== undefined && { stateDirectory }) };
}

function findStateDirectory({ file }: Sources): string | undefined {
  const values = file?.layers.map((layer) => layer.values["state-dir"]);
  return values?.find((value) => typeof value === "string" && value.startsWith("/")) as string | undefined;
}
