import type { Gauge, PluginMetrics } from "signalman";
import type { UpstreamMetrics } from "./upstream/open-upstream.ts";
import type { CacheUse } from "./uses.ts";

export interface CacheMetrics {
  count(what: keyof CacheUse, by: number): void;
  readonly upstream: UpstreamMetrics;
  readonly usedBytes: Gauge;
  readonly objects: Gauge;
}

export type DeclarableMetrics = Pick<PluginMetrics, "counter" | "gauge">;

export function declareMetrics(metrics: DeclarableMetrics): CacheMetrics {
  const counters = {
    hits: metrics.counter("hits_total", { help: "Objects that jobs have restored from the cache." }),
    misses: metrics.counter("misses_total", { help: "Lookups of jobs that found no object in the cache." }),
    restoredBytes: metrics.counter("restored_bytes_total", { help: "Bytes that jobs have read." }),
    storedBytes: metrics.counter("stored_bytes_total", { help: "Bytes that jobs have stored." }),
    restoredSeconds: metrics.counter("restored_seconds_total", {
      help: "Seconds in which jobs have read, added up over jobs.",
    }),
    storedSeconds: metrics.counter("stored_seconds_total", {
      help: "Seconds in which jobs have stored, added up over jobs.",
    }),
  };
  const upstream = {
    hit: metrics.counter("upstream_hits_total", { help: "Objects that were copied from cache-upstream." }),
    miss: metrics.counter("upstream_misses_total", { help: "Objects that cache-upstream did not have." }),
    written: metrics.counter("upstream_written_total", { help: "Changes passed on to cache-upstream." }),
    dropped: metrics.counter("upstream_dropped_total", { help: "Changes not passed on to cache-upstream." }),
  };
  const waiting = metrics.gauge("upstream_waiting", {
    help: "Changes that cache-upstream has not got yet.",
  });
  const waitingSince = metrics.gauge("upstream_waiting_since_seconds", {
    help: "Unix time of the earliest change that waits for cache-upstream; 0 when none waits.",
  });
  return {
    upstream: {
      count: (outcome) => upstream[outcome].inc(1),
      setWaiting({ count, since }) {
        waiting.set(count);
        waitingSince.set(Math.floor((since ?? 0) / 1000));
      },
    },
    count: (what, by) => counters[what].inc(by),
    usedBytes: metrics.gauge("used_bytes", { help: "Bytes of all objects in the cache." }),
    objects: metrics.gauge("objects", { help: "Objects in the cache." }),
  };
}
