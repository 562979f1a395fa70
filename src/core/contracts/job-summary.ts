import type { JobLimits } from "./executor-options.ts";
import type { JobCause } from "./job-cause.ts";
import type { JobResult } from "./job-events.ts";

/**
 * Resources that a job used, as far as its executor knows them; unknown figures are left out. The shell
 * executor counts the job's control group, and without one all processes that the job's process started.
 */
export interface JobUsage {
  readonly cpuUserMs?: number;
  readonly cpuSystemMs?: number;
  /**
   * Peak memory of the job. In the shell executor: that of its control group where it is counted, otherwise the
   * sum of the resident memory of its processes, sampled
   * once a second, or the peak of the largest process if that is more. Shared memory is counted once per
   * process.
   */
  readonly peakMemoryBytes?: number;
  /**
   * Memory in use at this moment, without files that the kernel only caches where that is known. Not part of a
   * summary.
   */
  readonly memoryBytes?: number;
  /** Bytes read from storage; reads served by the page cache are not included. */
  readonly readBytes?: number;
  /** Bytes written to storage. */
  readonly writtenBytes?: number;
  /**
   * Processes killed by the kernel's out-of-memory killer. The shell executor counts only kills that
   * certainly hit the job: any in its control group, a command or shell that was seen to die, or any kill in
   * a memory cgroup that holds nothing but this agent.
   */
  readonly oomKills?: number;
  /** What limits the job besides its options, such as the template of its pod. Not part of a summary. */
  readonly limits?: JobLimits;
}

/** The pull of one of a job's images. */
export interface ImagePull {
  /** The image as the job's request names it. */
  readonly image: string;
  readonly durationMs: number;
  readonly isOk: boolean;
}

/** A pull with the time of its start, in Unix milliseconds. */
export interface TimedPull extends ImagePull {
  readonly startedAt: number;
}

/** When a job reached its slot, in Unix milliseconds. Left out where it is unknown. */
export interface JobArrival {
  /** The control plane assigned the job. */
  readonly assignedAt?: number;
  /** The job's request had been fetched. Left out also when it never was. */
  readonly fetchedAt?: number;
}

/** The times of a job, in Unix milliseconds. */
export interface JobTimes extends JobArrival {
  /** The job's log began. */
  readonly startedAt: number;
  /** The executor was disposed. Of a job whose process died: the death, or the last line of the log before it. */
  readonly finishedAt: number;
}

/** The outcome of a job, known once it has ended. */
export interface JobSummary {
  readonly result: JobResult;
  /** Why the job did not pass. Left out also when an earlier release ran the job. */
  readonly cause?: JobCause;
  readonly times: JobTimes;
  /** Milliseconds from `startedAt` to `finishedAt`. */
  readonly durationMs: number;
  /** Events, bytes and CRC-32 of the spool; bytes of output that `log-disk-limit` or a full disk dropped. */
  readonly log: {
    readonly events: number;
    readonly bytes: number;
    readonly droppedBytes: number;
    readonly checksum?: number;
  };
  /** Resources that the job used. Left out when its executor reported none, as for a job whose process died. */
  readonly usage?: JobUsage;
}
