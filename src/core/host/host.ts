import { createHooks } from "hookable";
import type { Host, OpenHostOptions } from "../contracts/host.ts";
import type { HookName } from "../contracts/hooks.ts";
import type { Logger } from "../contracts/logger.ts";
import type { PluginContext } from "../contracts/plugin.ts";
import { AgentError } from "../errors.ts";
import { attributeError } from "./attribution.ts";
import { toDuration, withDeadline } from "./deadline.ts";
import type { HookWatch, ReportTimes } from "./hook-watch.ts";
import type { AnyTurns, Listener } from "./listener.ts";
import type { LoadedPlugin } from "./loader.ts";
import { createPluginContext, type PluginInstance, runsInAny } from "./plugin-context.ts";
import { createLifetime } from "./lifetime.ts";
import { createMetricsRegistry } from "../metrics/registry.ts";
import { createRegistry } from "./registry.ts";

export interface HostOptions extends Omit<OpenHostOptions, "plugins"> {
  /** In the order in which their hooks are called. `config` is the validated config of the plugin. */
  readonly plugins: readonly (LoadedPlugin & { readonly config: unknown })[];
  readonly logger: Logger;
  /** Deadline of each `setup`. Default: 10 s. */
  readonly setupMs?: number;
  /** Deadline of each clean-up. Default: 5 s. */
  readonly cleanupMs?: number;
  /** When listeners that hang are reported. Default: after 10 s, then each minute. */
  readonly reportTimes?: ReportTimes;
}

/**
 * Sets the plugins up, one after another. When one of them fails or misses its deadline, the plugins before
 * it are disposed, and the error names it. Disposal runs the plugins' clean-ups in reverse order.
 */
export async function createHost(options: HostOptions): Promise<Host> {
  const { roles, onStop, onSetupFailed, setupMs = 10_000, cleanupMs = 5_000 } = options;
  const { reportTimes = { firstMs: 10_000, repeatMs: 60_000 } } = options;
  const hooks = createHooks<Record<HookName, Listener>>();
  const registry = createRegistry();
  const metrics = createMetricsRegistry(options.logger);
  const instances: PluginInstance[] = [];
  const watches: HookWatch[] = [];
  let isReady = false;
  const scope = {
    hooks,
    registry,
    metrics,
    watches,
    reportTimes,
    roles,
    onStop,
    onListener: options.onListener,
    isReady: () => isReady,
  };

  const dispose = async (): Promise<void> => {
    hooks.removeAllHooks();
    for (const { lifetime } of instances.toReversed()) await lifetime.end();
  };

  try {
    for (const { plugin, config } of options.plugins) {
      if (!runsInAny(plugin, roles)) continue;
      const log = options.logger.child(plugin.name);
      const lifetime = createLifetime({ plugin: plugin.name, log, cleanupMs });
      const instance: PluginInstance = { plugin, log, lifetime, hooks: new Set(), phase: "setting-up" };
      instances.push(instance);
      try {
        await setUp(instance, createPluginContext(instance, scope), config, setupMs);
      } catch (error) {
        if (onSetupFailed === undefined) throw error;
        onSetupFailed(plugin.name, error);
      }
    }
  } catch (error) {
    await dispose();
    throw error;
  }
  isReady = true;

  return {
    call: async (name, event, turns) => {
      await hooks.callHook<HookName>(name, event, turns as AnyTurns | undefined);
    },
    use: registry.use,
    all: registry.all,
    hanging: () => watches.flatMap(({ hanging }) => hanging ?? []),
    statuses: () => instances.flatMap(({ status }) => status ?? []),
    metrics,
    describe: () =>
      instances.map((instance) => ({
        plugin: instance.plugin.name,
        hooks: [...instance.hooks],
        // Each job asks for the hooks only.
        get services() {
          return registry.ownedBy(instance.plugin.name);
        },
      })),
    [Symbol.asyncDispose]: dispose,
  };
}

async function setUp(
  instance: PluginInstance,
  context: PluginContext,
  config: unknown,
  setupMs: number,
): Promise<void> {
  const { plugin } = instance;
  const work = (async () => {
    try {
      await plugin.setup(context, config);
    } catch (error) {
      const note = instance.unknown?.explain(error) ?? "";
      throw attributeError(error, { plugin: plugin.name, where: "setup", note });
    }
  })();
  const advice = "(setup only registers; do slow work in agent:start or job:start)";
  const late = () =>
    new AgentError(
      "PLUGIN_SLOW",
      `plugin "${plugin.name}" did not finish setup within ${toDuration(setupMs)} ${advice}`,
    );
  try {
    await withDeadline(work, setupMs, late);
    instance.phase = "set-up";
  } catch (error) {
    instance.phase = "failed";
    throw error;
  }
}
