import Registry from "prom-client/lib/registry.js";
import type { AgentStatus, HookEvents, SlotStatus } from "signalman";
import { createFamilies } from "./families.ts";
import { createLogBytes } from "./log-bytes.ts";
import { addProcessMetrics } from "./process-metrics.ts";

/** The metrics of an agent for Prometheus. */
export interface Metrics {
  synced(event: HookEvents["agent:synced"]): void;
  jobStarted(event: HookEvents["agent:job-started"]): void;
  jobEnded(event: HookEvents["agent:job-ended"]): void;
  /** Returns all metrics in the Prometheus text format. */
  render(): Promise<string>;
  readonly contentType: string;
}

/** All results and states exist from the start, so that Prometheus sees the first change of each. */
const results = ["passed", "failed", "stopped"] as const;
const states = ["starting", "waiting", "running", "left", "failed"] as const;

/** Limits the series: executor names come from job requests, and each one creates a series. */
const executorLimit = 10;

export function createMetrics(about: { version: string; status: () => AgentStatus }): Metrics {
  const { status } = about;
  const registry = new Registry();
  const { info, jobs, usage, sync, log, slots, hangingHooks } = createFamilies(registry);
  const refreshProcess = addProcessMetrics(registry);
  const logBytes = createLogBytes();
  const executors = new Set<string>();
  info.set({ version: about.version }, 1);

  const toExecutor = (name: string): string => {
    if (executors.has(name)) return name;
    if (executors.size >= executorLimit) return "other";
    executors.add(name);
    for (const result of results) jobs.total.inc({ result, executor: name }, 0);
    return name;
  };

  const countLog = (now: AgentStatus): void => {
    const { producedBytes, deliveredBytes } = logBytes.grow(now);
    log.produced.inc(producedBytes);
    log.delivered.inc(deliveredBytes);
  };

  /** Adds the resource usage of a job; unknown values count as 0. */
  const countUsage = (used: NonNullable<HookEvents["agent:job-ended"]["usage"]>): void => {
    usage.cpu.inc({ mode: "user" }, (used.cpuUserMs ?? 0) / 1000);
    usage.cpu.inc({ mode: "system" }, (used.cpuSystemMs ?? 0) / 1000);
    if (used.peakMemoryBytes !== undefined) usage.peakMemory.observe(used.peakMemoryBytes);
    usage.read.inc(used.readBytes ?? 0);
    usage.written.inc(used.writtenBytes ?? 0);
    usage.oomKills.inc(used.oomKills ?? 0);
  };
  countUsage({});

  const refresh = (now: AgentStatus): void => {
    countLog(now);
    log.waiting.set(now.slots.reduce((sum, slot) => sum + toWaiting(slot), 0));
    jobs.running.set(now.slots.filter(({ job }) => job?.phase === "running").length);
    for (const state of states) slots.set({ state }, now.slots.filter((slot) => slot.state === state).length);
    for (const { slot, sync: last } of now.slots) {
      if (last?.succeededAt !== undefined)
        sync.succeededAt.set({ slot: String(slot) }, last.succeededAt / 1000);
    }
    hangingHooks.reset();
    for (const { plugin, hook } of now.hangingHooks ?? []) hangingHooks.set({ plugin, hook }, 1);
    refreshProcess();
  };

  return {
    contentType: registry.contentType,
    synced({ durationMs, error }) {
      sync.duration.observe(durationMs / 1000);
      if (error !== undefined) sync.failures.inc();
    },
    jobStarted: ({ job }) => void toExecutor(job.executor),
    jobEnded(event) {
      const { slot, jobId, job, result, durationMs, delivery } = event;
      const now = status();
      countLog(now);
      const position = now.slots.find((one) => one.slot === slot && one.job?.id === jobId)?.job?.log;
      if (position && (delivery.trimmed || delivery.undelivered > 0)) {
        log.trimmed.inc(Math.max(0, position.producedBytes - position.deliveredBytes));
      }
      log.dropped.inc(event.log.droppedBytes);
      jobs.total.inc({ result, executor: toExecutor(job.executor) });
      jobs.duration.observe(durationMs / 1000);
      if (event.usage) countUsage(event.usage);
    },
    render() {
      refresh(status());
      return registry.metrics();
    },
  };
}

/** Returns the bytes that are written but not delivered; 0 when the delivery of the job is over. */
function toWaiting({ job }: SlotStatus): number {
  if (!job || job.phase === "reporting") return 0;
  return Math.max(0, job.log.producedBytes - job.log.deliveredBytes);
}
