import Counter from "prom-client/lib/counter.js";
import Gauge from "prom-client/lib/gauge.js";
import Histogram from "prom-client/lib/histogram.js";
import type Registry from "prom-client/lib/registry.js";

/** Seconds: a job may print one word, or build for hours. */
const jobBuckets = [1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 28_800];
/** Bytes: 64 MiB to 64 GiB. */
const memoryBuckets = Array.from({ length: 11 }, (_, power) => 2 ** (26 + power));
const syncBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** All metrics of the agent, by what they are about. The page of the plugin lists them. */
export function createFamilies(registry: Registry) {
  const registers = [registry];
  const counter = <L extends string = never>(name: string, help: string, ...labelNames: L[]) =>
    new Counter({ name: `signalman_${name}`, help, labelNames, registers });
  const gauge = <L extends string = never>(name: string, help: string, ...labelNames: L[]) =>
    new Gauge({ name: `signalman_${name}`, help, labelNames, registers });
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name: `signalman_${name}`, help, buckets, registers });

  return {
    info: gauge("build_info", "A constant 1; the version of the agent is its label.", "version"),
    slots: gauge("slots", "Slots of the agent by their state.", "state"),
    jobs: {
      total: counter("jobs_total", "Jobs that have ended, by result and executor.", "result", "executor"),
      running: gauge("jobs_running", "Jobs that run now."),
      duration: histogram("job_duration_seconds", "Time from a job's start to its result.", jobBuckets),
    },
    usage: {
      cpu: counter("job_cpu_seconds_total", "CPU time that jobs took.", "mode"),
      peakMemory: histogram(
        "job_peak_memory_bytes",
        "The most memory that a job held at once.",
        memoryBuckets,
      ),
      read: counter("job_read_bytes_total", "Bytes that jobs read from storage."),
      written: counter("job_written_bytes_total", "Bytes that jobs wrote to storage."),
      oomKills: counter(
        "job_oom_kills_total",
        "Processes of jobs that the kernel killed for want of memory.",
      ),
    },
    sync: {
      duration: histogram(
        "sync_duration_seconds",
        "Time that calls took which keep a slot known to its control plane, failed ones included.",
        syncBuckets,
      ),
      failures: counter("sync_failures_total", "Those of these calls that failed."),
      succeededAt: gauge(
        "last_sync_timestamp_seconds",
        "When the last of these calls was answered, in Unix time.",
        "slot",
      ),
    },
    log: {
      produced: counter("log_bytes_total", "Bytes of job logs that were written to disk."),
      delivered: counter("log_delivered_bytes_total", "Bytes of job logs that reached their reader."),
      trimmed: counter(
        "log_trimmed_bytes_total",
        "Bytes of job logs that never reached their reader: it took no more, or time was over.",
      ),
      dropped: counter(
        "log_dropped_bytes_total",
        "Bytes of output that were dropped before they were written, for log-disk-limit.",
      ),
      waiting: gauge("log_waiting_bytes", "Bytes of job logs that are written and not yet delivered."),
    },
  };
}
