import type { AgentStatus, JobStatus, SlotStatus, LogPosition } from "../../core/contracts/agent-status.ts";
import type { JobRequest } from "../../core/contracts/job-request.ts";
import type { AgentMetric, Samples } from "./metric.ts";

/** Creates the metrics of job logs. */
export function createLogMetrics(): readonly AgentMetric[] {
  const produced = createLogGrowth(({ producedBytes }) => producedBytes);
  const delivered = createLogGrowth(({ deliveredBytes }) => deliveredBytes);
  return [
    {
      help: "Bytes of the logs of jobs that have ended.",
      kind: "counter",
      unit: "bytes",
      labels: { executor: "foreign" },
      statsd: { name: "job.log.bytes", tags: ["executor"] },
      on: { "agent:job-ended": ({ job, log }) => ofExecutor(job, log.bytes) },
    },
    {
      help: "Bytes of job logs written to disk.",
      kind: "counter",
      unit: "bytes",
      prometheus: { name: "signalman_log_bytes_total" },
      // A job that has ended is about to leave the status.
      on: { "agent:job-ended": (_, status) => ifKnown(status(), produced) },
      read: produced,
    },
    {
      help: "Bytes of job logs delivered.",
      kind: "counter",
      unit: "bytes",
      prometheus: { name: "signalman_log_delivered_bytes_total" },
      on: { "agent:job-ended": (_, status) => ifKnown(status(), delivered) },
      read: delivered,
    },
    {
      help: "Bytes of job logs never delivered: the reader accepted no more, or the time was over.",
      kind: "counter",
      unit: "bytes",
      prometheus: { name: "signalman_log_trimmed_bytes_total" },
      on: {
        "agent:job-ended"({ slot, jobId, delivery }, status) {
          if (!delivery.trimmed && delivery.undelivered === 0) return undefined;
          const now = status()?.slots.find((one) => one.slot === slot && one.job?.id === jobId);
          return now?.job && toUndelivered(now.job);
        },
      },
    },
    {
      help: "Bytes of output dropped before they were written, by log-disk-limit.",
      kind: "counter",
      unit: "bytes",
      labels: { executor: "foreign" },
      prometheus: { name: "signalman_log_dropped_bytes_total", labels: [] },
      statsd: { name: "job.log.dropped", tags: ["executor"] },
      on: { "agent:job-ended": ({ job, log }) => ofExecutor(job, log.droppedBytes) },
    },
    {
      help: "Events of job logs that were never delivered.",
      kind: "counter",
      labels: { executor: "foreign" },
      statsd: { name: "job.log.undelivered", tags: ["executor"] },
      on: { "agent:job-ended": ({ job, delivery }) => ofExecutor(job, delivery.undelivered) },
    },
    {
      help: "Bytes of job logs written but not yet delivered.",
      kind: "gauge",
      unit: "bytes",
      prometheus: { name: "signalman_log_waiting_bytes" },
      read: ({ slots }) => slots.reduce((sum, slot) => sum + toWaiting(slot), 0),
    },
  ];
}

/**
 * Returns a function that measures how much the logs of all jobs have grown since its last call. Each byte is
 * counted once, and a resumed job completely.
 */
export function createLogGrowth(toBytes: (position: LogPosition) => number): (status: AgentStatus) => number {
  const seen = new Map<number, JobStatus>();
  return ({ slots }) => {
    let grown = 0;
    for (const { slot, job } of slots) {
      const before = seen.get(slot);
      if (!job) {
        seen.delete(slot);
        continue;
      }
      grown += Math.max(0, toBytes(job.log) - (isSame(job, before) ? toBytes(before.log) : 0));
      seen.set(slot, job);
    }
    return grown;
  };
}

const ofExecutor = ({ executor }: JobRequest, value: number): Samples => [{ value, labels: { executor } }];

const ifKnown = (status: AgentStatus | undefined, read: (status: AgentStatus) => number): Samples =>
  status && read(status);

const toUndelivered = ({ log }: JobStatus): number => Math.max(0, log.producedBytes - log.deliveredBytes);

/** Returns the bytes that are written but not delivered; 0 when the delivery of the job is over. */
function toWaiting({ job }: SlotStatus): number {
  return job === undefined || job.phase === "reporting" ? 0 : toUndelivered(job);
}

function isSame(job: JobStatus, before: JobStatus | undefined): before is JobStatus {
  return before !== undefined && job.id === before.id && job.startedAt === before.startedAt;
}
