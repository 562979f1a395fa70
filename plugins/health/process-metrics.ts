import { readdirSync, readFileSync } from "node:fs";
import Counter from "prom-client/lib/counter.js";
import Gauge from "prom-client/lib/gauge.js";
import type Registry from "prom-client/lib/registry.js";

/**
 * Adds the metrics of the agent's own process, under the usual names of Prometheus clients, and returns a
 * function that refreshes them. The default collectors of the package run a timer of 10 ms and report values
 * that Bun does not have. Values that the system does not provide are omitted.
 */
export function addProcessMetrics(registry: Registry): () => void {
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number | undefined) => {
    const metric = new Gauge({ name: `process_${name}`, help, registers });
    metric.remove();
    return () => {
      const value = read();
      if (value !== undefined) metric.set(value);
    };
  };
  const cpu = new Counter({
    name: "process_cpu_seconds_total",
    help: "CPU time of the agent's process, user and system.",
    registers,
  });
  const startedAt = performance.timeOrigin / 1000;
  const maxFds = readMaxFds();
  const refreshers = [
    () => {
      const { user, system } = process.cpuUsage();
      cpu.reset();
      cpu.inc((user + system) / 1e6);
    },
    gauge("resident_memory_bytes", "Resident memory of the agent's process.", () =>
      process.memoryUsage.rss(),
    ),
    gauge("open_fds", "Open file descriptors of the agent's process.", countFds),
    gauge("max_fds", "Maximum number of file descriptors of the agent's process.", () => maxFds),
    gauge("start_time_seconds", "Start of the agent's process, in Unix time.", () => startedAt),
  ];
  return () => refreshers.forEach((refresh) => refresh());
}

function countFds(): number | undefined {
  try {
    // The directory itself is open while it is read.
    return readdirSync("/proc/self/fd").length - 1;
  } catch {
    return undefined;
  }
}

function readMaxFds(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}
