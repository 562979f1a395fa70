import type { StandardSchemaV1 } from "./standard-schema.ts";
import type { Hook, HookName } from "./hooks.ts";
import type { Logger } from "./logger/logger.ts";
import type { Service } from "./services.ts";
import type { CommandLoader } from "./cli/command.ts";

/** Where plugins and hooks live: the agent's process, a job's process, or (in `run`) one process that is both. */
export type ProcessRole = "agent" | "job";

/** Why an agent stops. The shutdown hook gets it in upper case (protocol section 6.5). */
export type StopReason = "idle" | "job-finished" | "requested" | "interrupted" | "unable-to-sync" | "unknown";

/** What a plugin gets in `setup`. Setting up registers; hooks act; disposal undoes, in reverse. */
export interface PluginContext {
  /** Tagged with the plugin's name. */
  readonly log: Logger;
  /** Aborts when this plugin is disposed. */
  readonly signal: AbortSignal;
  /** Listens. Several plugins on one hook are called one after another, in the order of the configuration. */
  hook<N extends HookName>(name: N, fn: Hook<N>): void;
  /** Offers a service under a name. Throws `SERVICE_TAKEN` when the name is taken, naming both owners. */
  provide<T extends object>(service: Service<T>, name: string, value: T): void;
  /** Finds a service. In hooks, not in `setup`. Throws `SERVICE_UNKNOWN` and says what is known. */
  use<T extends object>(service: Service<T>, name: string): T;
  /** All that is provided for a service, by name. */
  all<T extends object>(service: Service<T>): ReadonlyMap<string, T>;
  /** The whole agent leaves: each slot finishes the job it has and takes no other. `reason` is what `agent:draining`, `agent:left` and `agent:exit` say then. */
  stop(reason: StopReason): void;
  /** Runs on disposal: the last one first, all of them, whatever fails. Each has 5 s. */
  defer(cleanup: () => void | Promise<void>): void;
}

/** The command-line name of an option of a plugin: its key in the plugin's config. The rest follows from the schema. */
export type Flags<Config> = Readonly<Record<string, unknown extends Config ? string : keyof Config & string>>;

/**
 * A plugin. `name` is kebab-case, and at once its key in the configuration and its tag in the log. Everything else is
 * optional but `setup`.
 */
export interface Plugin<S extends StandardSchemaV1 = StandardSchemaV1> {
  readonly name: string;
  /** One line, for `signalman plugins`. */
  readonly description?: string;
  /** In which processes `setup` runs. Default: both. */
  readonly runsIn?: readonly ProcessRole[];
  /** Any Standard Schema of an object; the built-ins use valibot. Its defaults are the options' defaults. */
  readonly config?: S;
  /** Flag → key in `config`. From it follow the environment variable, the flat config key, help and docs. */
  readonly flags?: Flags<StandardSchemaV1.InferInput<S>>;
  /** Subcommands it adds, by name (one word or two: `hub`, `hub submit`), loaded when they are called. */
  readonly commands?: Readonly<Record<string, CommandLoader>>;
  /** Registers hooks and services. No I/O; it has 10 s. */
  setup(ctx: PluginContext, config: StandardSchemaV1.InferOutput<S>): void | Promise<void>;
}

/** Types a plugin. Returns what it gets. */
export function definePlugin<S extends StandardSchemaV1>(plugin: Plugin<S>): Plugin<S> {
  return plugin;
}
