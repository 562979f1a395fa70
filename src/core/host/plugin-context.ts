import type { Hookable } from "hookable";
import type { OpenHostOptions, ProcessRole } from "../contracts/host.ts";
import { type HookName, hookTable } from "../contracts/hooks.ts";
import type { PluginStatus } from "../contracts/agent-status.ts";
import type { Logger } from "../contracts/logger.ts";
import type { Plugin, PluginContext } from "../contracts/plugin.ts";
import type { Service } from "../contracts/services.ts";
import { AgentError } from "../errors.ts";
import { createPluginMetrics } from "../metrics/plugin-metrics.ts";
import type { MetricsRegistry } from "../metrics/registry.ts";
import { toHint } from "../text/nearest.ts";
import { toLine } from "../text/printable.ts";
import type { Lifetime } from "./lifetime.ts";
import type { HookWatch, ReportTimes } from "./hook-watch.ts";
import { createListener, type Listener } from "./listener.ts";
import { versionNote } from "./plugin-version.ts";
import type { Registry } from "./registry.ts";
import { noteUnknownProperties, type UnknownProperties } from "./unknown-properties.ts";

/** A plugin in a host. */
export interface PluginInstance {
  readonly plugin: Plugin;
  readonly log: Logger;
  readonly lifetime: Lifetime;
  /** The hooks that the plugin listens to. */
  readonly hooks: Set<HookName>;
  unknown?: UnknownProperties;
  /** `failed`: `setup` threw or missed its deadline; what it still registers is ignored. */
  phase: "setting-up" | "set-up" | "failed";
  /** See `ctx.status`. */
  status?: PluginStatus | undefined;
}

/** The parts of a host that all of its plugins share. */
export interface HostScope extends Pick<OpenHostOptions, "roles" | "onStop" | "onListener"> {
  readonly hooks: Hookable<Record<HookName, Listener>>;
  readonly registry: Registry;
  readonly metrics: MetricsRegistry;
  readonly watches: HookWatch[];
  readonly reportTimes: ReportTimes;
  /** Whether every plugin is set up. */
  isReady(): boolean;
}

/** Creates the argument of a plugin's `setup`. */
export function createPluginContext(instance: PluginInstance, scope: HostScope): PluginContext {
  const { plugin, log, lifetime } = instance;
  const { registry, roles, onStop } = scope;
  const explain = (thrown: unknown) => instance.unknown?.explain(thrown) ?? "";
  const assertReady = (method: string): void => {
    if (scope.isReady()) return;
    throw new AgentError(
      "PLUGIN_INVALID",
      `${method} can be called only in hooks, such as agent:start, and not in setup`,
    );
  };
  const context: PluginContext = {
    log,
    signal: lifetime.signal,
    hook(name, fn, { timeoutMs } = {}) {
      if (!isRegistering(instance, "ctx.hook")) return;
      assertHook(name, fn, timeoutMs);
      instance.hooks.add(name);
      const { process } = hookTable[name];
      if (!roles.includes(process) || !runsInAny(plugin, [process])) return;
      const { reportTimes: times, onListener } = scope;
      const options = { plugin: plugin.name, log, times, timeoutMs, explain, onListener };
      const { listener, watch } = createListener(name, fn, options);
      scope.watches.push(watch);
      scope.hooks.hook(name, listener);
    },
    provide(service, name, value) {
      if (!isRegistering(instance, "ctx.provide")) return;
      assertRuns(plugin, service, name);
      registry.provide(plugin.name, service, name, value);
    },
    use(service, name) {
      assertReady("ctx.use");
      return registry.use(service, name);
    },
    all(service) {
      assertReady("ctx.all");
      return registry.all(service);
    },
    metrics: createPluginMetrics({
      plugin: plugin.name,
      log,
      registry: scope.metrics,
      isRegistering: (method) => isRegistering(instance, method),
    }),
    status(text, options) {
      instance.status = toStatus(plugin.name, text, options?.ready ?? true);
    },
    stop(reason) {
      if (onStop) onStop(reason, plugin.name);
      else
        log.warn(`plugin "${plugin.name}" requested a stop (${reason}), which this command does not support`);
    },
    defer: lifetime.defer,
  };
  instance.unknown = noteUnknownProperties(context, "ctx");
  return context;
}

/** Whether a plugin runs in a process with one of these roles. */
export function runsInAny({ runsIn }: Plugin, roles: readonly ProcessRole[]): boolean {
  return runsIn === undefined || runsIn.some((role) => roles.includes(role));
}

function assertRuns<T extends object>(plugin: Plugin, service: Service<T> | undefined, name: string): void {
  const { id, processes = [] } = service ?? {};
  const missing = processes.find((process) => !runsInAny(plugin, [process]));
  if (missing === undefined) return;
  const fault = `plugin "${plugin.name}" provides ${id} "${name}", which is used in the process "${missing}"`;
  throw new AgentError("PLUGIN_INVALID", `${fault}: add "${missing}" to its "runsIn"`);
}

function isRegistering({ phase }: PluginInstance, method: string): boolean {
  if (phase === "set-up") throw new AgentError("PLUGIN_INVALID", `${method} can be called only in setup`);
  return phase === "setting-up";
}

/** The text may be of any length and have any characters. */
function toStatus(plugin: string, text: unknown, isReady: unknown): PluginStatus | undefined {
  if (typeof isReady !== "boolean") {
    throw new AgentError(
      "PLUGIN_INVALID",
      `"ready" of ctx.status must be a boolean, not ${Bun.inspect(isReady)}`,
    );
  }
  if (text === undefined && isReady) return undefined;
  const line = typeof text === "string" ? toLine(text.slice(0, maxStatusLength), maxStatusLength) : "";
  if (line !== "") return { plugin, text: line, ...(!isReady && { ready: false }) };
  const given = Bun.inspect(text).slice(0, 100);
  const reason = isReady ? "" : " that says why the agent is not ready";
  throw new AgentError("PLUGIN_INVALID", `ctx.status needs a text${reason}, not ${given}`);
}

/** Longer than what is shown, so that a secret is masked before it is cut. */
const maxStatusLength = 1000;

function assertHook(name: string, fn: unknown, timeoutMs: unknown): void {
  if (!Object.hasOwn(hookTable, name)) {
    const hint = toHint(name, Object.keys(hookTable));
    throw new AgentError("HOOK_UNKNOWN", `no hook named "${name}"${hint}${versionNote}`);
  }
  if (typeof fn !== "function") {
    throw new AgentError("PLUGIN_INVALID", `hook "${name}" needs a function, not ${Bun.inspect(fn)}`);
  }
  if (timeoutMs !== undefined && !(typeof timeoutMs === "number" && timeoutMs > 0)) {
    const given = Bun.inspect(timeoutMs);
    throw new AgentError("PLUGIN_INVALID", `"timeoutMs" of hook "${name}" must be above 0, not ${given}`);
  }
}
