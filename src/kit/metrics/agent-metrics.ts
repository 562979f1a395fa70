import { imageMetrics, jobMetrics, usageMetrics } from "./job-metrics.ts";
import { createLogMetrics } from "./log-metrics.ts";
import type { AgentMetric } from "./metric.ts";
import { slotMetrics, syncMetrics } from "./slot-metrics.ts";

/**
 * Creates all metrics of the agent, in the order in which they are exported. Their names are contract. Each exporter
 * creates its own, since a counter that is read from the status remembers what it has counted.
 */
export function createAgentMetrics(): readonly AgentMetric[] {
  return [
    ...slotMetrics,
    ...jobMetrics,
    ...usageMetrics,
    ...syncMetrics,
    ...createLogMetrics(),
    ...imageMetrics,
  ];
}
