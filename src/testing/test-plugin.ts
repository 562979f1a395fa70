import type { HookEvents, HookName } from "../core/contracts/hooks.ts";
import { createHost } from "../core/host/host.ts";
import type { Host, ProcessRole } from "../core/contracts/host.ts";
import type { PluginMetric } from "../core/contracts/metrics.ts";
import type { Plugin } from "../core/contracts/plugin.ts";
import type { StopReason } from "../core/contracts/agent-status.ts";
import { assertPlugin } from "../core/host/shape.ts";
import type { StandardSchemaV1 } from "../core/contracts/standard-schema.ts";
import { createSession, fixtureEvents, type SetVariable } from "./hook-events.ts";
import type { LogBlock } from "./job-log.ts";
import { createRecordingLogger, type LogEntry } from "./loggers.ts";
import { resolveTestConfig } from "./plugin-config.ts";

/** Options of the plugin under test, and what is around it. */
export interface TestPluginOptions {
  /** The plugin's options in the form of a configuration file. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Options by flag, without dashes; the value is parsed as on the command line. */
  readonly flags?: Readonly<Record<string, string>>;
  /** Options by environment variable: `SEMAPHORE_AGENT_…`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Plugins that this one uses. They are set up before it. */
  readonly with?: readonly Plugin[];
  /** Kinds of process to simulate. Default: both at once, as in `signalman run`. */
  readonly roles?: readonly ProcessRole[];
  /** Exit code that `event.run` returns for a directive. Default: 0. */
  readonly run?: (directive: string) => number;
  /** Time-out of each set-up and each disposal. Default: 5000. */
  readonly deadlineMs?: number;
}

/** A plugin that is set up in a real host. */
export interface PluginUnderTest extends AsyncDisposable, Pick<Host, "use" | "all" | "statuses"> {
  /** Calls a hook. A fixture provides the fields that `event` omits. */
  call<N extends HookName>(name: N, event?: Partial<HookEvents[N]>): Promise<void>;
  readonly hooks: readonly HookName[];
  readonly services: readonly { readonly service: string; readonly name: string }[];
  /** The agent's log, debug lines included. */
  readonly logs: readonly LogEntry[];
  /** The job's log: the blocks that `event.log.command` and `event.run` added. */
  readonly blocks: readonly LogBlock[];
  /** Directives passed to `event.run`, in order. */
  readonly directives: readonly string[];
  /** Returns the metrics of the plugins with their values. */
  metrics(): readonly PluginMetric[];
  /** The variables that were set by `event.setVariable`, in order. */
  readonly variables: readonly SetVariable[];
  /** Reasons passed to `ctx.stop`. */
  readonly stops: readonly StopReason[];
}

/** Sets a plugin up as the program does: `await using t = await testPlugin(plugin)`. */
export async function testPlugin<S extends StandardSchemaV1>(
  plugin: Plugin<S>,
  options: TestPluginOptions = {},
): Promise<PluginUnderTest> {
  const { with: others = [], roles = ["agent", "job"], deadlineMs = 5000 } = options;
  assertPlugin(plugin, "the plugin under test");
  const logger = createRecordingLogger();
  const session = createSession(options.run);
  const stops: StopReason[] = [];
  const plugins = [...others, plugin as Plugin];
  const configOf = await resolveTestConfig(plugins, plugin.name, options);
  const host = await createHost({
    plugins: plugins.map((each) => ({
      plugin: each,
      config: configOf(each.name),
      origin: { kind: "built-in" },
    })),
    roles,
    logger,
    onStop: (reason) => void stops.push(reason),
    setupMs: deadlineMs,
    cleanupMs: deadlineMs,
  });
  const description = host.describe().find((entry) => entry.plugin === plugin.name);
  return {
    async call(name, event) {
      using setter = session.openSetter(name);
      await host.call(name, { ...fixtureEvents(session, setter)[name], ...event });
    },
    use: host.use,
    all: host.all,
    statuses: host.statuses,
    metrics: host.metrics.read,
    hooks: description?.hooks ?? [],
    services: description?.services ?? [],
    logs: logger.entries,
    blocks: session.log.blocks,
    directives: session.directives,
    variables: session.variables,
    stops,
    [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
  };
}
