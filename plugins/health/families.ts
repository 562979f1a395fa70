import Counter from "prom-client/lib/counter.js";
import Gauge from "prom-client/lib/gauge.js";
import Histogram from "prom-client/lib/histogram.js";
import type Registry from "prom-client/lib/registry.js";

/** Seconds, from short commands to builds of hours. */
const jobBuckets = [1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 28_800];
/** Bytes: 64 MiB to 64 GiB. */
const memoryBuckets = Array.from({ length: 11 }, (_, power) => 2 ** (26 + power));
const syncBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Creates all metrics of the agent, grouped by subject. `README.md` lists them. */
export function createFamilies(registry: Registry) {
  const registers = [registry];
  const counter = <L extends string = never>(name: string, help: string, ...labelNames: L[]) =>
    new Counter({ name: `signalman_${name}`, help, labelNames, registers });
  const gauge = <L extends string = never>(name: string, help: string, ...labelNames: L[]) =>
    new Gauge({ name: `signalman_${name}`, help, labelNames, registers });
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name: `signalman_${name}`, help, buckets, registers });

  return {
    info: gauge("build_info", "Constant 1, labelled with the version of the agent.", "version"),
    slots: gauge("slots", "Slots of the agent by their state.", "state"),
    hangingHooks: gauge(
      "hanging_hooks",
      "Listeners of plugins that have not returned in time, 1 for each.",
      "plugin",
      "hook",
    ),
    jobs: {
      total: counter("jobs_total", "Jobs that have ended, by result and executor.", "result", "executor"),
      running: gauge("jobs_running", "Running jobs."),
      duration: histogram("job_duration_seconds", "Time from a job's start to its result.", jobBuckets),
    },
    usage: {
      cpu: counter("job_cpu_seconds_total", "CPU time of jobs.", "mode"),
      peakMemory: histogram("job_peak_memory_bytes", "Peak memory of a job.", memoryBuckets),
      read: counter("job_read_bytes_total", "Bytes read from storage by jobs."),
      written: counter("job_written_bytes_total", "Bytes written to storage by jobs."),
      oomKills: counter(
        "job_oom_kills_total",
        "Processes of jobs ended by the out-of-memory killer of the kernel.",
      ),
    },
    sync: {
      duration: histogram(
        "sync_duration_seconds",
        "Duration of syncs with the control plane, including failed ones.",
        syncBuckets,
      ),
      failures: counter("sync_failures_total", "Failed syncs with the control plane."),
      succeededAt: gauge("last_sync_timestamp_seconds", "Unix time of the last answered sync.", "slot"),
    },
    log: {
      produced: counter("log_bytes_total", "Bytes of job logs written to disk."),
      delivered: counter("log_delivered_bytes_total", "Bytes of job logs delivered."),
      trimmed: counter(
        "log_trimmed_bytes_total",
        "Bytes of job logs never delivered: the reader accepted no more, or the time was over.",
      ),
      dropped: counter(
        "log_dropped_bytes_total",
        "Bytes of output dropped before they were written, by log-disk-limit.",
      ),
      waiting: gauge("log_waiting_bytes", "Bytes of job logs written but not yet delivered."),
    },
  };
}
