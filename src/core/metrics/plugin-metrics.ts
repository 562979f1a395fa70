import type { Logger } from "../contracts/logger.ts";
import type { HistogramOptions, MetricDeclaration, PluginMetrics } from "../contracts/metrics.ts";
import type { MetricStore } from "./metric-store.ts";
import { createMetricsRegistry, type MetricsRegistry } from "./registry.ts";

export interface PluginMetricsOptions {
  readonly plugin: string;
  readonly log: Logger;
  readonly registry: MetricsRegistry;
  /** Throws when the plugin is set up; `false` when its set-up has failed. */
  isRegistering(method: string): boolean;
}

/** Creates `ctx.metrics` of a plugin. */
export function createPluginMetrics(options: PluginMetricsOptions): PluginMetrics {
  const { plugin, log, registry, isRegistering } = options;
  const declare = (
    kind: MetricDeclaration["kind"],
    name: string,
    // A plugin may be plain JavaScript, which the compiler does not check.
    { help, labels = [], buckets }: Partial<HistogramOptions> = {},
  ): MetricStore => {
    const declaration = { plugin, name, kind, help, labels, ...(kind === "histogram" && { buckets }) };
    if (isRegistering(`ctx.metrics.${kind}`)) return registry.declare(declaration as MetricDeclaration, log);
    return createMetricsRegistry(log).declare(declaration as MetricDeclaration, log);
  };
  return {
    counter(name, options) {
      const store = declare("counter", name, options);
      return { inc: (by = 1, labels) => store.record(by, labels) };
    },
    gauge(name, options) {
      const store = declare("gauge", name, options);
      return { set: store.record };
    },
    histogram(name, options) {
      const store = declare("histogram", name, options);
      return { observe: store.record };
    },
    read: registry.read,
  };
}
