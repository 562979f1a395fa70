import type { Host, PluginOrigin, ProcessRole } from "../contracts/host.ts";
import { createHooks } from "hookable";
import { withDeadline, toDuration } from "./deadline.ts";
import { AgentError, toMessage } from "../errors.ts";
import { blame } from "./guard.ts";
import { type Hook, type HookEvents, type HookName, hookTable } from "../contracts/hooks.ts";
import { createLifetime, type Lifetime } from "./lifetime.ts";
import type { Logger } from "../contracts/logger.ts";
import { toHint } from "../nearest.ts";
import type { Plugin, PluginContext } from "../contracts/plugin.ts";
import type { StopReason } from "../contracts/stop-reason.ts";
import { createRegistry } from "./registry.ts";

export interface HostOptions {
  /** In the order in which their hooks are called. `config` is what the plugin's schema made of the options. */
  readonly plugins: readonly {
    readonly plugin: Plugin;
    readonly config: unknown;
    readonly origin: PluginOrigin;
  }[];
  /** What this process is. A plugin that runs in none of these is not set up. */
  readonly roles: readonly ProcessRole[];
  readonly logger: Logger;
  /** Called for `ctx.stop`. Without it nothing can be stopped, and the log says so. */
  readonly onStop?: ((reason: StopReason, plugin: string) => void) | undefined;
  /** Gets the error of a plugin that cannot be set up, which then does without it. Without this there is no host. */
  readonly onSetupFailed?: (plugin: string, error: unknown) => void;
  /** Deadline of each set-up. */
  readonly setupMs?: number;
  /** Deadline of each clean-up. */
  readonly cleanupMs?: number;
}

/**
 * Sets the plugins up, one after another. When one of them fails or is slow, those before it are disposed, and the
 * error names it. Disposal undoes in reverse.
 */
export async function createHost(options: HostOptions): Promise<Host> {
  const advice = " (it registers; what takes time belongs into agent:start or job:start)";
  const { roles, logger, setupMs = 10_000, cleanupMs = 5_000 } = options;
  const hooks = createHooks<Record<HookName, Listener>>();
  const registry = createRegistry();
  const residents: Resident[] = [];
  let ready = false;

  const dispose = async (): Promise<void> => {
    hooks.removeAllHooks();
    for (const { lifetime } of residents.toReversed()) await lifetime.end();
  };

  const createContext = (resident: Resident): PluginContext => {
    const { plugin, log, lifetime } = resident;
    const assertReady = (what: string): void => {
      if (ready) return;
      throw new AgentError("PLUGIN_INVALID", `${what} is for hooks, such as agent:start; not for setup`);
    };
    return {
      log,
      signal: lifetime.signal,
      hook(name, fn) {
        if (!isRegistering(resident, "ctx.hook")) return;
        assertHook(name, fn);
        resident.heard.add(name);
        const { process } = hookTable[name];
        if (!roles.includes(process) || !livesIn(plugin, [process])) return;
        hooks.hook(name, createListener(name, fn, resident));
      },
      provide(service, name, value) {
        if (isRegistering(resident, "ctx.provide")) registry.provide(plugin.name, service, name, value);
      },
      use(service, name) {
        assertReady("ctx.use");
        return registry.use(service, name);
      },
      all(service) {
        assertReady("ctx.all");
        return registry.all(service);
      },
      stop(reason) {
        if (options.onStop) options.onStop(reason, plugin.name);
        else log.warn(`plugin "${plugin.name}" asked for a stop (${reason}); nothing here can be stopped`);
      },
      defer: lifetime.defer,
    };
  };

  const setUp = async (resident: Resident, config: unknown): Promise<void> => {
    const { plugin } = resident;
    const late = () =>
      new AgentError(
        "PLUGIN_SLOW",
        `plugin "${plugin.name}" took over ${toDuration(setupMs)} in setup${advice}`,
      );
    const context = createContext(resident);
    const work = (async () => {
      try {
        await plugin.setup(context, config);
      } catch (error) {
        throw blame(error, { plugin: plugin.name, where: "setup" });
      }
    })();
    try {
      await withDeadline(work, setupMs, late);
      resident.phase = "set-up";
    } catch (error) {
      resident.phase = "given-up";
      throw error;
    }
  };

  try {
    for (const { plugin, config } of options.plugins) {
      if (!livesIn(plugin, roles)) continue;
      const log = logger.child(plugin.name);
      const lifetime = createLifetime({ plugin: plugin.name, log, cleanupMs });
      const resident: Resident = { plugin, log, lifetime, heard: new Set(), phase: "setting-up" };
      residents.push(resident);
      try {
        await setUp(resident, config);
      } catch (error) {
        if (options.onSetupFailed === undefined) throw error;
        options.onSetupFailed(plugin.name, error);
      }
    }
  } catch (error) {
    await dispose();
    throw error;
  }
  ready = true;

  return {
    call: async (name, event) => {
      await hooks.callHook<HookName>(name, event);
    },
    use: registry.use,
    all: registry.all,
    describe: () =>
      residents.map(({ plugin, heard }) => ({
        plugin: plugin.name,
        hooks: [...heard],
        services: registry.ownedBy(plugin.name),
      })),
    [Symbol.asyncDispose]: dispose,
  };
}

/** A plugin in this host. */
interface Resident {
  readonly plugin: Plugin;
  readonly log: Logger;
  readonly lifetime: Lifetime;
  readonly heard: Set<HookName>;
  /** `given-up`: its set-up failed or was late; what it still registers is dropped. */
  phase: "setting-up" | "set-up" | "given-up";
}

type Listener = (event: HookEvents[HookName]) => Promise<void>;

function livesIn({ runsIn }: Plugin, roles: readonly ProcessRole[]): boolean {
  return runsIn === undefined || runsIn.some((role) => roles.includes(role));
}

function isRegistering({ phase }: Resident, what: string): boolean {
  if (phase === "set-up") throw new AgentError("PLUGIN_INVALID", `${what} is for setup only`);
  return phase === "setting-up";
}

function assertHook(name: string, fn: unknown): void {
  if (!Object.hasOwn(hookTable, name)) {
    const hint = toHint(name, Object.keys(hookTable));
    throw new AgentError("HOOK_UNKNOWN", `no hook named "${name}"${hint}`);
  }
  if (typeof fn !== "function") {
    throw new AgentError("PLUGIN_INVALID", `hook "${name}" needs a function, not ${Bun.inspect(fn)}`);
  }
}

/** The policy of the hook's kind, around a plugin's function. */
function createListener<N extends HookName>(name: N, fn: Hook<N>, { plugin, log }: Resident): Listener {
  return async (event) => {
    const started = performance.now();
    try {
      await fn(event as HookEvents[N]);
      log.debug(`heard ${name}`, { durationMs: Math.round(performance.now() - started) });
    } catch (error) {
      const named = blame(error, { plugin: plugin.name, where: name });
      if (hookTable[name].kind === "gate") throw named;
      log.error(toMessage(named));
    }
  };
}
