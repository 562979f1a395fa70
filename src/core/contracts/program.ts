import type { CommandLoader } from "./command.ts";
import type { Host, LoadedPlugin, OpenHostOptions } from "./host.ts";
import type { RootLogger } from "./logger.ts";
import type { DeclaredOptions, EffectiveConfig } from "./options.ts";

/** A command that can be called. */
export interface CommandEntry {
  /** The plugin that adds it; left out for the program's own commands. */
  readonly plugin?: string;
  readonly load: CommandLoader;
}

/** The program as a command sees it: the configuration is resolved, and no plugin is set up. */
export interface Program {
  readonly version: string;
  readonly logger: RootLogger;
  readonly config: EffectiveConfig;
  /** The plugins in the order in which their hooks are called. */
  readonly plugins: readonly LoadedPlugin[];
  /** Every option by owner: the core's first, then those of the plugins in their order. */
  readonly declared: readonly DeclaredOptions[];
  /** Every command by name: the program's own first, then those of the plugins. */
  readonly commands: ReadonlyMap<string, CommandEntry>;
  /** Every text that was given for a secret option. The agent's log masks them, and job logs must mask them too. */
  readonly secrets: readonly string[];
  /** Faults of the configuration. Empty unless the command's `configuration` is `lenient`. */
  readonly faults: readonly string[];
  /** Sets the plugins up. The command disposes the host. */
  openHost(options: OpenHostOptions): Promise<Host>;
}
