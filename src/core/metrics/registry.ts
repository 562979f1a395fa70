import type { Logger } from "../contracts/logger.ts";
import type { HostMetrics, MetricDeclaration, PluginMetric } from "../contracts/metrics.ts";
import { AgentError } from "../errors.ts";
import { findDeclarationFault, type GivenDeclaration } from "./declaration.ts";
import { toPrintable } from "../text/printable.ts";
import { createMetricStore, type MetricStore } from "./metric-store.ts";

/** The metrics of all plugins of a process, in the order of their declaration. */
export interface MetricsRegistry extends HostMetrics {
  /** Throws `PLUGIN_INVALID` when the declaration is invalid, or its name is in use. */
  declare(declaration: MetricDeclaration, log: Logger): MetricStore;
}

/** Metrics of a plugin. */
const maxMetrics = 50;

export function createMetricsRegistry(logger: Logger): MetricsRegistry {
  const stores = new Map<string, MetricStore>();

  const declare = (declaration: MetricDeclaration, log: Logger): MetricStore => {
    const fault = findDeclarationFault(declaration) ?? findConflict(declaration, stores);
    if (fault !== undefined) throw new AgentError("PLUGIN_INVALID", fault);
    const store = createMetricStore(toOwnCopy(declaration), log);
    stores.set(toFullName(declaration), store);
    return store;
  };

  /** Finds the store for values of another process; a plugin may be declared in that process only. */
  const findStore = (given: GivenDeclaration, plugins: ReadonlySet<string>): MetricStore | undefined => {
    if (typeof given.plugin !== "string" || !plugins.has(given.plugin)) return undefined;
    if (!isKind(given.kind) || findDeclarationFault(given) !== undefined) return undefined;
    const { plugin, name, kind, help, labels, buckets } = given as MetricDeclaration;
    const declaration = { plugin, name, kind, help, labels, ...(kind === "histogram" && { buckets }) };
    const known = stores.get(toFullName(declaration));
    if (known) return isSame(known.declaration, declaration) ? known : undefined;
    if (findConflict(declaration, stores) !== undefined) return undefined;
    return declare(declaration, logger.child(plugin));
  };

  const toMetric = ({ declaration }: MetricStore, series: PluginMetric["series"]): PluginMetric => ({
    ...declaration,
    fullName: toFullName(declaration),
    series,
  });

  return {
    declare,
    get isEmpty() {
      return stores.size === 0;
    },
    read: () => Array.from(stores.values(), (store) => toMetric(store, store.read())),
    take(max) {
      const taken: PluginMetric[] = [];
      let rest = max;
      for (const store of stores.values()) {
        if (rest === 0) break;
        const series = store.take(rest);
        rest -= series.length;
        if (series.length > 0) taken.push(toMetric(store, series));
      }
      return taken;
    },
    merge(metrics, plugins) {
      if (!Array.isArray(metrics)) return;
      for (const metric of metrics as unknown[]) {
        const { series, ...declaration } = Object(metric) as GivenDeclaration & { readonly series?: unknown };
        const store = Array.isArray(series) ? findStore(declaration, plugins) : undefined;
        if (store) (series as unknown[]).forEach(store.add);
      }
    },
  };
}

function findConflict(
  declaration: MetricDeclaration,
  stores: ReadonlyMap<string, MetricStore>,
): string | undefined {
  const { plugin, name } = declaration;
  const taken = stores.get(toFullName(declaration))?.declaration;
  if (taken?.plugin === plugin) return `metric "${name}" is declared twice`;
  if (taken !== undefined) {
    const names = `"${name}" of plugin "${plugin}" and "${taken.name}" of plugin "${taken.plugin}"`;
    return `two metrics would be exported as "${toFullName(declaration)}": ${names}`;
  }
  const owned = [...stores.values()].filter((store) => store.declaration.plugin === plugin);
  if (owned.length < maxMetrics) return undefined;
  return `metric "${name}" is one too many: a plugin has at most ${maxMetrics}`;
}

/** The prefix keeps plugins' metrics apart from the agent's own. */
function toFullName({ plugin, name }: Pick<MetricDeclaration, "plugin" | "name">): string {
  return `signalman_plugin_${plugin.replaceAll("-", "_")}_${name}`;
}

/** A plugin may change its lists later. */
function toOwnCopy({ help, labels, buckets, ...rest }: MetricDeclaration): MetricDeclaration {
  return Object.freeze({
    ...rest,
    help: toPrintable(help.toWellFormed()),
    labels: Object.freeze([...labels]),
    ...(buckets && { buckets: Object.freeze([...buckets]) }),
  });
}

function isKind(kind: unknown): kind is MetricDeclaration["kind"] {
  return kind === "counter" || kind === "gauge" || kind === "histogram";
}

function isSame(one: MetricDeclaration, two: MetricDeclaration): boolean {
  const toShape = ({ kind, labels, buckets }: MetricDeclaration) => JSON.stringify([kind, labels, buckets]);
  return toShape(one) === toShape(two);
}
