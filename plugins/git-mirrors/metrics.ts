import type { PluginContext } from "signalman";

type Metrics = PluginContext["metrics"];

export interface MirrorMetrics {
  served(isHit: boolean, bytes: number, originBytes: number): void;
  /** Estimated seconds that a clone has taken less. */
  saved(seconds: number): void;
  /** Further bytes from the origin. */
  filled(originBytes: number): void;
  passed(): void;
}

/** Declares what the processes of jobs count. */
export function declareMetrics(metrics: Metrics): MirrorMetrics {
  const hits = metrics.counter("hits_total", { help: "Fetches of jobs that a mirror has served as it was." });
  const updates = metrics.counter("updates_total", {
    help: "Fetches of jobs that a mirror has served after it had fetched from the origin.",
  });
  const passes = metrics.counter("passed_total", { help: "Fetches of jobs that the origin has answered." });
  const served = metrics.counter("served_bytes_total", { help: "Bytes that mirrors have served to jobs." });
  const fetched = metrics.counter("origin_bytes_total", { help: "Bytes that mirrors have fetched." });
  const saved = metrics.counter("saved_seconds_total", {
    help: "Estimated seconds by which mirrors have answered sooner than the origin, at the rate of its last large pack.",
  });
  return {
    saved: (seconds) => saved.inc(seconds),
    served(isHit, bytes, originBytes) {
      (isHit ? hits : updates).inc();
      served.inc(bytes);
      fetched.inc(originBytes);
    },
    filled: (originBytes) => fetched.inc(originBytes),
    passed: () => passes.inc(),
  };
}

/** Returns what mirrors have done for the jobs of this agent, for its status. */
export function describeUse(metrics: Pick<Metrics, "read">): string {
  const own = metrics.read().filter(({ plugin }) => plugin === "git-mirrors");
  const sum = (name: string): number =>
    own.find((metric) => metric.name === name)?.series.reduce((total, { value }) => total + value, 0) ?? 0;
  const [hits, saved] = [sum("hits_total"), Math.round(sum("saved_seconds_total"))];
  return `${hits === 1 ? "1 hit" : `${hits} hits`}${saved === 0 ? "" : `, about ${saved} s saved`}`;
}
