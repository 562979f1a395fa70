import {
  type AgentStatus,
  createAgentMetrics,
  definePlugin,
  type HookEvents,
  type HookName,
  hooksOf,
  measureEvent,
  measureStatus,
} from "signalman";
import { config, toPort } from "./config.ts";
import { type Metric, toMetric } from "./metric.ts";
import { createPluginMeter } from "./plugin-metrics.ts";
import type { Sender } from "./sender.ts";

/**
 * Sends metrics of the agent and its jobs to a StatsD server, under the names of the reference agent
 * (protocol section 6.3).
 */
export default definePlugin({
  name: "statsd",
  description: "sends metrics of the agent and its jobs to a StatsD server",
  config,
  flags: {
    "statsd-host": "statsd-host",
    "statsd-port": "statsd-port",
    "statsd-namespace": "statsd-namespace",
  },
  setup(ctx, { "statsd-host": host, "statsd-port": port, "statsd-namespace": namespace }) {
    if (host === "") return;
    const metrics = createAgentMetrics().filter(({ statsd }) => statsd !== undefined);
    let readStatus: (() => AgentStatus) | undefined;
    let sender: Promise<Sender> | undefined;
    const open = async (): Promise<Sender> => {
      const { createSender } = await import("./sender.ts");
      return createSender({ host, port: toPort(port), namespace, logger: ctx.log });
    };
    const send = async <N extends HookName>(name: N, event: HookEvents[N]): Promise<void> => {
      const measured = measureEvent(metrics, name, event, () => readStatus?.());
      const status = statusHooks.has(name) ? readStatus?.() : undefined;
      if (status) measured.push(...measureStatus(metrics, status));
      await take(measured.flatMap((measurement) => toMetric(measurement) ?? []));
    };
    const take = async (sent: readonly Metric[]): Promise<void> => {
      if (sent.length > 0) sent.forEach((await (sender ??= open())).send);
    };
    const measureAt = <N extends HookName>(name: N) => ctx.hook(name, (event) => send(name, event));
    ctx.defer(async () => (await sender)?.[Symbol.asyncDispose]());

    ctx.hook("agent:start", ({ status }) => void (readStatus = status));
    hooksOf(metrics).forEach(measureAt);
    // Those that jobs' processes record are in the agent's process, too.
    const measurePlugins = createPluginMeter();
    const measurePluginsAt = (name: HookName) =>
      ctx.hook(name, () => take(measurePlugins(ctx.metrics.read())));
    pluginHooks.forEach(measurePluginsAt);
  },
});

/** The metrics of plugins are measured with these events; the last one is the end of the agent. */
const pluginHooks = ["agent:synced", "agent:job-ended", "agent:stop"] as const;

/** The agent's status is measured with these events. */
const statusHooks: ReadonlySet<HookName> = new Set<HookName>(["agent:synced", "agent:left"]);
