import type { JobRequest } from "../../core/contracts/job-request.ts";
import type { AgentMetric, Samples } from "./metric.ts";

const results = ["passed", "failed", "stopped"] as const;
/** Seconds, from short commands to builds of hours. */
const durationBuckets = [1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 28_800];
/** Bytes: 64 MiB to 64 GiB. */
const memoryBuckets = [26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36].map((power) => 2 ** power);

/** The metrics of jobs. */
export const jobMetrics: readonly AgentMetric[] = [
  {
    help: "Jobs whose process has accepted the request.",
    kind: "counter",
    labels: { executor: "foreign" },
    statsd: { name: "job.started", tags: ["executor"] },
    on: { "agent:job-started": ({ job }) => [{ value: 1, labels: { executor: job.executor } }] },
  },
  {
    help: "Jobs that have ended, by result and executor.",
    kind: "counter",
    labels: { result: results, executor: "foreign" },
    prometheus: { name: "signalman_jobs_total" },
    statsd: { name: "job.ended", tags: ["executor", "result"] },
    on: {
      "agent:job-ended": ({ job, result }) => [{ value: 1, labels: { result, executor: job.executor } }],
    },
  },
  {
    help: "Running jobs.",
    kind: "gauge",
    prometheus: { name: "signalman_jobs_running" },
    read: ({ slots }) => slots.filter(({ job }) => job?.phase === "running").length,
  },
  {
    help: "Time from a job's start to its result.",
    kind: "distribution",
    unit: "ms",
    labels: { result: results, executor: "foreign" },
    prometheus: { name: "signalman_job_duration_seconds", labels: [], buckets: durationBuckets },
    statsd: { name: "job.duration", tags: ["executor", "result"] },
    on: {
      "agent:job-ended": ({ job, result, durationMs }) => [
        { value: durationMs, labels: { result, executor: job.executor } },
      ],
    },
  },
];

/** The metrics of the resources that jobs have used, as far as their executors report them. */
export const usageMetrics: readonly AgentMetric[] = [
  {
    help: "CPU time of jobs.",
    kind: "counter",
    unit: "ms",
    labels: { mode: ["user", "system"] },
    prometheus: { name: "signalman_job_cpu_seconds_total" },
    on: {
      "agent:job-ended": ({ usage }) => [
        { value: usage?.cpuUserMs ?? 0, labels: { mode: "user" } },
        { value: usage?.cpuSystemMs ?? 0, labels: { mode: "system" } },
      ],
    },
  },
  {
    help: "Peak memory of a job.",
    kind: "distribution",
    unit: "bytes",
    prometheus: { name: "signalman_job_peak_memory_bytes", buckets: memoryBuckets },
    on: { "agent:job-ended": ({ usage }) => usage?.peakMemoryBytes },
  },
  {
    help: "Bytes read from storage by jobs.",
    kind: "counter",
    unit: "bytes",
    prometheus: { name: "signalman_job_read_bytes_total" },
    on: { "agent:job-ended": ({ usage }) => usage?.readBytes },
  },
  {
    help: "Bytes written to storage by jobs.",
    kind: "counter",
    unit: "bytes",
    prometheus: { name: "signalman_job_written_bytes_total" },
    on: { "agent:job-ended": ({ usage }) => usage?.writtenBytes },
  },
  {
    help: "Processes of jobs ended by the out-of-memory killer of the kernel.",
    kind: "counter",
    prometheus: { name: "signalman_job_oom_kills_total" },
    on: { "agent:job-ended": ({ usage }) => usage?.oomKills },
  },
];

/** The reference agent measures only this image, and only as the first image of a job (protocol section 6.3). */
const measuredImage = "semaphoreci/android";

/** The metrics of image pulls, in the job's process. */
export const imageMetrics: readonly AgentMetric[] = [
  {
    help: "1 for a pull of a job's first image whose name contains `semaphoreci/android`, as in the reference agent.",
    kind: "gauge",
    labels: { image: [measuredImage] },
    statsd: { name: "compose.docker.pull.rate", tags: ["image"] },
    on: { "image:pulled": (pull) => ofMeasuredImage(pull, 1) },
  },
  {
    help: "1 when such a pull has failed.",
    kind: "gauge",
    labels: { image: [measuredImage] },
    statsd: { name: "compose.docker.error.rate", tags: ["image"] },
    on: { "image:pulled": (pull) => (pull.isOk ? undefined : ofMeasuredImage(pull, 1)) },
  },
  {
    help: "Duration of such a pull, whether it failed or not.",
    kind: "gauge",
    unit: "s",
    labels: { image: [measuredImage] },
    statsd: { name: "compose.docker.pull.duration", tags: ["image"] },
    on: { "image:pulled": (pull) => ofMeasuredImage(pull, pull.durationMs / 1000) },
  },
];

function ofMeasuredImage({ job, image }: { job: JobRequest; image: string }, value: number): Samples {
  if (image !== job.containers[0]?.image || !image.includes(measuredImage)) return undefined;
  return [{ value, labels: { image: measuredImage } }];
}
