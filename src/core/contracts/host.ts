import type { ErrorExplanation } from "../errors.ts";
import type { HangingHook, PluginStatus, StopReason } from "./agent-status.ts";
import type { HookEvents, HookName } from "./hooks.ts";
import type { HostMetrics } from "./metrics.ts";
import type { Service } from "./services.ts";

/** The processes in which plugins run: the agent's, a job's, or (in `run`) one process that is both. */
export type ProcessRole = "agent" | "job";

/** Where a plugin came from. */
export type PluginOrigin =
  | { readonly kind: "built-in" }
  | { readonly kind: "file" | "package"; readonly specifier: string; readonly path: string };

/** The event of a hook, or a function that creates that of one plugin. */
export type HookEventSource<N extends HookName> = HookEvents[N] | ((plugin: string) => HookEvents[N]);

/** A loaded plugin, as commands see it. */
export interface PluginEntry {
  readonly plugin: {
    readonly name: string;
    readonly description?: string;
    readonly runsIn?: readonly ProcessRole[];
    readonly flags?: Readonly<Record<string, string>>;
    readonly commands?: Readonly<Record<string, unknown>>;
    readonly errors?: Readonly<Record<string, ErrorExplanation>>;
  };
  readonly origin: PluginOrigin;
}

/** Gives each listener of a call its own event and time. `undefined`: the listener is not called. */
export type HookTurns<E> = (listener: {
  readonly plugin: string;
  /** The listener's time limit, or else that of the hook. */
  readonly timeoutMs: number | undefined;
}) => HookTurn<E> | undefined;

export interface HookTurn<E> {
  readonly event: E;
  /** Milliseconds for which the listener is awaited. */
  readonly timeoutMs: number;
  /** Called when the listener is no longer awaited, with its error if it has failed. */
  end(error?: unknown): void;
}

/** All plugins of a process, set up. */
export interface Host extends AsyncDisposable {
  /**
   * Calls a hook's listeners, one after another. The first throw of a gate rejects; throws of a notice are logged.
   * `event` may be a function that returns the event of a plugin's listeners. `turns` gives each listener an event and
   * a time of its own.
   */
  call<N extends HookName>(
    name: N,
    event: HookEventSource<N>,
    turns?: HookTurns<HookEvents[N]>,
  ): Promise<void>;
  /** Returns a service. Throws `SERVICE_UNKNOWN` with the known names. */
  use<T extends object>(service: Service<T>, name: string): T;
  all<T extends object>(service: Service<T>): ReadonlyMap<string, T>;
  /** Lists the listeners that have not returned in time. */
  hanging(): readonly HangingHook[];
  /** Lists what plugins report about themselves (`ctx.status`). */
  statuses(): readonly PluginStatus[];
  readonly metrics: HostMetrics;
  /** Lists the hooks and services of each plugin. */
  describe(): readonly {
    readonly plugin: string;
    readonly hooks: readonly HookName[];
    readonly services: readonly { readonly service: string; readonly name: string }[];
  }[];
}

export interface OpenHostOptions {
  /** The roles of this process. A plugin that runs in none of them is not set up. */
  readonly roles: readonly ProcessRole[];
  /** Selects the plugins to set up. Left out: all. */
  readonly plugins?: (entry: PluginEntry) => boolean;
  /** Called for `ctx.stop`. Without it `ctx.stop` only logs a warning. */
  readonly onStop?: ((reason: StopReason, plugin: string) => void) | undefined;
  /** Receives the error of a plugin's set-up, and the host is created without the plugin. Left out: creation fails. */
  readonly onSetupFailed?: (plugin: string, error: unknown) => void;
  /** Called before each call of a listener; what it returns is called when the listener is no longer awaited. */
  readonly onListener?: ((plugin: string, hook: HookName) => () => void) | undefined;
}
