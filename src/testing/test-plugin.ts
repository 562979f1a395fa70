import type { HookEvents, HookName } from "../core/contracts/hooks.ts";
import { createHost } from "../core/host/host.ts";
import type { Host, ProcessRole } from "../core/contracts/host.ts";
import type { Plugin } from "../core/contracts/plugin.ts";
import type { StopReason } from "../core/contracts/stop-reason.ts";
import { assertPlugin } from "../core/host/shape.ts";
import type { StandardSchemaV1 } from "../core/contracts/standard-schema.ts";
import { createSession, fixtureEvents } from "./hook-events.ts";
import type { LogBlock } from "./job-log.ts";
import { createRecordingLogger, type LogEntry } from "./loggers.ts";
import { resolveTestConfig } from "./plugin-config.ts";

export interface TestPluginOptions {
  /** The plugin's options, as a configuration file gives them. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Options by their flag, without dashes; the text is read as on the command line. */
  readonly flags?: Readonly<Record<string, string>>;
  /** Options by their environment variable: `SEMAPHORE_AGENT_…`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Further plugins, set up before this one: what it uses. */
  readonly with?: readonly Plugin[];
  /** In which process to be. Default: in both at once, as in `signalman run`. */
  readonly roles?: readonly ProcessRole[];
  /** What `event.run` answers for a directive. Default: 0. */
  readonly run?: (directive: string) => number;
  /** Deadline of each set-up and clean-up. */
  readonly deadlineMs?: number;
}

/** A plugin in a real host. */
export interface PluginUnderTest extends AsyncDisposable, Pick<Host, "use" | "all"> {
  /** Calls a hook. What `event` leaves out is filled in by a fixture. */
  call<N extends HookName>(name: N, event?: Partial<HookEvents[N]>): Promise<void>;
  readonly hooks: readonly HookName[];
  readonly services: readonly { readonly service: string; readonly name: string }[];
  /** The agent's log, debug lines included. */
  readonly logs: readonly LogEntry[];
  /** The job's log: blocks that were put there by `event.log.command` and `event.run`. */
  readonly blocks: readonly LogBlock[];
  /** Directives that were given to `event.run`, in order. */
  readonly directives: readonly string[];
  /** Reasons given to `ctx.stop`. */
  readonly stops: readonly StopReason[];
}

/** Sets a plugin up as the program would: `await using t = await testPlugin(plugin)`. */
export async function testPlugin<S extends StandardSchemaV1>(
  plugin: Plugin<S>,
  options: TestPluginOptions = {},
): Promise<PluginUnderTest> {
  const { with: others = [], roles = ["agent", "job"], deadlineMs = 5000 } = options;
  assertPlugin(plugin, "what is tested");
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
    call: (name, event) => host.call(name, { ...fixtureEvents(session)[name], ...event }),
    use: host.use,
    all: host.all,
    hooks: description?.hooks ?? [],
    services: description?.services ?? [],
    logs: logger.entries,
    blocks: session.log.blocks,
    directives: session.directives,
    stops,
    [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
  };
}
