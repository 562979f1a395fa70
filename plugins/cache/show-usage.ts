import { type PluginContext, toSize } from "signalman";
import type { CacheMetrics } from "./metrics.ts";
import type { ObjectStore } from "./store/store.ts";

export interface ShowOptions {
  /** `cache-size`. */
  readonly size: number;
  readonly status: PluginContext["status"];
  readonly gauges: Pick<CacheMetrics, "usedBytes" | "objects">;
}

/** Shows the cache's use in the agent's status and metrics: `12.3 GiB of 20.0 GiB used by 40 projects`. */
export function showUsage(
  store: Pick<ObjectStore, "cost" | "projects">,
  { size, status, gauges }: ShowOptions,
): void {
  const projects = store.projects();
  const count = projects.length === 1 ? "1 project" : `${projects.length} projects`;
  status(`${toSize(store.cost)} of ${toSize(size)} used by ${count}`);
  setGauges(store, gauges);
}

export function setGauges(
  store: Pick<ObjectStore, "cost" | "projects">,
  { usedBytes, objects }: ShowOptions["gauges"],
): void {
  usedBytes.set(store.cost);
  objects.set(store.projects().reduce((sum, project) => sum + project.objects, 0));
}
