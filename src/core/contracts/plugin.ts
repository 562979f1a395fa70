import type { ErrorExplanation } from "../errors.ts";
import type { CommandLoader } from "./command.ts";
import type { Hook, HookName } from "./hooks.ts";
import type { ProcessRole } from "./host.ts";
import type { Logger } from "./logger.ts";
import type { PluginMetrics } from "./metrics.ts";
import type { Service } from "./services.ts";
import type { StopReason } from "./agent-status.ts";
import type { StandardSchemaV1 } from "./standard-schema.ts";

/** Options of a listener. */
export interface HookOptions {
  /** Time limit of the listener in milliseconds, instead of the hook's. Only a longer call is reported as hanging. */
  readonly timeoutMs?: number;
}

/** Options of a plugin's status line. */
export interface StatusOptions {
  /** Whether the agent may be considered ready. Default: `true`. */
  readonly ready?: boolean;
}

/** The argument of `setup`. `setup` registers, hooks act, and disposal undoes what they did in reverse order. */
export interface PluginContext {
  /** A logger that is tagged with the plugin's name. */
  readonly log: Logger;
  /** Aborts when this plugin is disposed. */
  readonly signal: AbortSignal;
  /** Adds a listener. Listeners of several plugins are called one after another, in the order of the configuration. */
  hook<N extends HookName>(name: N, fn: Hook<N>, options?: HookOptions): void;
  /** Provides a service under a name. Throws `SERVICE_TAKEN` with both owners when the name is taken. */
  provide<T extends object>(service: Service<T>, name: string, value: T): void;
  /** Returns a service. For hooks, not for `setup`. Throws `SERVICE_UNKNOWN` with the known names. */
  use<T extends object>(service: Service<T>, name: string): T;
  /** Returns everything that is provided for a service, by name. */
  all<T extends object>(service: Service<T>): ReadonlyMap<string, T>;
  /** Metrics of this plugin, exported with those of the agent. What a job's process records is sent to the agent. */
  readonly metrics: PluginMetrics;
  /**
   * Shows a line for this plugin in `signalman status`, at most 200 characters; `undefined` removes it. With
   * `ready: false` the agent is not ready until the next call: `/readyz` answers 503 with the line. In the agent's
   * process only; in another it has no effect.
   */
  status(text: string | undefined, options?: StatusOptions): void;
  /** Drains all slots of the agent. `reason` is passed on to `agent:draining`, `agent:left` and `agent:exit`. */
  stop(reason: StopReason): void;
  /** Registers a clean-up for disposal. Clean-ups run in reverse order, all of them, whatever fails; each has 5 s. */
  defer(cleanup: () => void | Promise<void>): void;
}

/** Flag of a plugin's option → its key in the plugin's config. The schema defines everything else. */
export type Flags<Config> = Readonly<Record<string, unknown extends Config ? string : keyof Config & string>>;

/**
 * A plugin. `name` is in kebab-case; it is also the plugin's key in the configuration and its tag in the log.
 * Everything but `name` and `setup` is optional.
 */
export interface Plugin<S extends StandardSchemaV1 = StandardSchemaV1> {
  readonly name: string;
  /** One line, shown by `signalman plugins`. */
  readonly description?: string;
  /**
   * The versions of signalman that the plugin works with: `">=0.2"`. Another version refuses it before anything
   * else. Default: the peer range of its package.
   */
  readonly signalman?: string;
  /** The processes in which `setup` runs. Default: both. Empty for a plugin that has commands only. */
  readonly runsIn?: readonly ProcessRole[];
  /** Any Standard Schema of an object, as of valibot. Its defaults are the defaults of the options. */
  readonly config?: S;
  /** Flag → key of `config`. The environment variable, the flat config key, help and documentation follow from it. */
  readonly flags?: Flags<StandardSchemaV1.InferInput<S>>;
  /** Subcommands by name (one or two words: `hub`, `hub submit`), loaded when they are called. */
  readonly commands?: Readonly<Record<string, CommandLoader>>;
  /** Error codes of the plugin (`HEALTH_PORT_TAKEN`), explained by `signalman help errors`. */
  readonly errors?: Readonly<Record<string, ErrorExplanation>>;
  /** Registers hooks and services. Does no I/O; has 10 s. */
  setup(ctx: PluginContext, config: StandardSchemaV1.InferOutput<S>): void | Promise<void>;
}

/** Types a plugin. Returns its argument. */
export function definePlugin<S extends StandardSchemaV1>(plugin: Plugin<S>): Plugin<S> {
  return plugin;
}
