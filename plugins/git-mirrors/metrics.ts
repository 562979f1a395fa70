import type { PluginContext } from "signalman";

export interface MirrorMetrics {
  served(isHit: boolean, bytes: number, originBytes: number): void;
  /** Further bytes from the origin. */
  filled(originBytes: number): void;
  passed(): void;
}

/** Declares what the processes of jobs count. */
export function declareMetrics(metrics: PluginContext["metrics"]): MirrorMetrics {
  const hits = metrics.counter("hits_total", { help: "Fetches of jobs that a mirror has served as it was." });
  const updates = metrics.counter("updates_total", {
    help: "Fetches of jobs that a mirror has served after it had fetched from the origin.",
  });
  const passes = metrics.counter("passed_total", { help: "Fetches of jobs that the origin has answered." });
  const served = metrics.counter("served_bytes_total", { help: "Bytes that mirrors have served to jobs." });
  const fetched = metrics.counter("origin_bytes_total", { help: "Bytes that mirrors have fetched." });
  return {
    served(isHit, bytes, originBytes) {
      (isHit ? hits : updates).inc();
      served.inc(bytes);
      fetched.inc(originBytes);
    },
    filled: (originBytes) => fetched.inc(originBytes),
    passed: () => passes.inc(),
  };
}
