import {
  AgentError,
  type AgentJob,
  type JobDelivery,
  type JobRequest,
  type JobResult,
  onAbort,
  sendCallback,
  type StopCause,
  toMessage,
  type Logger,
  type PullLogs,
  waitAtMost,
} from "signalman";
import type { JobRecord, JobRecords } from "./job-record.ts";

/** The job of this process, from its submission to its last callback. */
export interface HostedJob {
  readonly id: string;
  /** Resolves when the request is safe on disk; rejects when the job cannot be started. */
  readonly started: Promise<unknown>;
  /**
   * Resolves when nothing is left to do, or when the signal of an interrupt left the rest to the next
   * process. Never rejects.
   */
  readonly finished: Promise<void>;
  /** Whether clients may see the end of the log: the control plane knows the result. */
  readonly isAnnounced: boolean;
  /**
   * Resolves when the callback `finished` was answered or given up, at most after `maxMs`. Resolves at once
   * while the job runs.
   */
  announced(maxMs: number): Promise<void>;
  /** Stops the job for its client; one that has not started does not start. */
  stop(): void;
  archived(): void;
}

export interface HostedJobOptions {
  readonly records: JobRecords;
  readonly logs: PullLogs;
  readonly logger: Logger;
  readonly callbacks: {
    /** Number of attempts of each callback (`callback-retry-attempts`). */
    readonly attempts: number;
    readonly intervalMs: number;
  };
  readonly signals: {
    /** Aborts at the first SIGINT or SIGTERM: the end of the log is not waited for any more. */
    readonly interrupt: AbortSignal;
    /** Aborts when this process must leave what is not done to the next one. */
    readonly leave: AbortSignal;
  };
}

/** Creates the job from what starts it: a new request, or the claim of a job that an earlier process left. */
export function createHostedJob(
  initial: JobRecord,
  options: HostedJobOptions,
  start: (delivery: JobDelivery) => Promise<AgentJob>,
): HostedJob {
  const { records, logs, logger, signals } = options;
  const { jobId: id } = initial;
  let record = initial;
  let isStopped = false;
  let isStoppedAtStart = false;
  let isOver = false;
  let job: AgentJob | undefined;
  const lost = new AbortController();
  const announcement = createAnnouncement();

  const note = (change: Partial<JobRecord>): void => {
    record = { ...record, ...change };
    if (!isOver) records.write(record);
  };

  async function begin(): Promise<AgentJob> {
    records.write(record);
    if (record.isArchived) logs.archive(id);
    const started = await start({ lost: lost.signal, refreshToken });
    job = started;
    isStoppedAtStart = isStopped;
    if (isStopped) started.stop(byClient);
    return started;
  }

  /**
   * Teardown of a job whose log is pulled (protocol section 6.1, point 8): callback, archiving, callback.
   * Resolves to whether nothing is left for the next process.
   */
  async function tearDown({ request, ended, done }: AgentJob): Promise<boolean> {
    const { result } = await ended;
    announcement.begin();
    const body = { result: toResult(result, isStoppedAtStart) };
    const isKnown = record.isAnnounced || (await call(options, request, "finished", body));
    if (isKnown) note({ isAnnounced: true });
    announcement.end();
    if (signals.leave.aborted) return false;
    // Without the callback no client comes for the log.
    if (!isKnown) lost.abort();
    using _interrupt = onAbort(signals.interrupt, () => lost.abort());
    await done;
    return !isKnown || (await call(options, request, "teardown_finished", {})) || !signals.leave.aborted;
  }

  async function follow(starting: Promise<AgentJob>): Promise<void> {
    const current = await starting;
    const { request, done, release } = current;
    try {
      if (request.logger.method === "pull" && !(await tearDown(current))) {
        return logger.warn(`job ${id} is not reported completely: the next process continues`);
      }
      await done;
      await release();
      isOver = true;
      records.remove();
      logger.info(`job ${id} is finished`);
    } catch (error) {
      logger.error(`job ${id} could not be finished: ${toMessage(error)}`);
    }
  }

  const starting = begin();
  return {
    id,
    started: starting,
    // A job that could not be started is reported by `started`.
    finished: follow(starting).catch(() => {}),
    get isAnnounced() {
      return record.isAnnounced;
    },
    announced: announcement.wait,
    stop() {
      isStopped = true;
      job?.stop(byClient);
    },
    archived() {
      note({ isArchived: true });
      logs.archive(id);
    },
  };
}

const byClient: StopCause = {
  by: "control-plane",
  reason: "a client of the agent's API has stopped the job",
};

function call(
  { callbacks, logger, signals }: HostedJobOptions,
  { callbacks: { finished, teardownFinished, token } }: JobRequest,
  name: "finished" | "teardown_finished",
  body: object,
): Promise<boolean> {
  const url = name === "finished" ? finished : teardownFinished;
  return sendCallback({ ...callbacks, name, url, body, token, logger, signal: signals.leave });
}

/** A job that was stopped before its process ran has failed for its process. */
function toResult(result: JobResult, isStoppedAtStart: boolean): JobResult {
  return isStoppedAtStart && result === "failed" ? "stopped" : result;
}

async function refreshToken(): Promise<string> {
  throw new AgentError("CONTROL_PLANE_FAILED", "hosted mode issues no log tokens");
}

/** The time in which the callback `finished` is sent. */
function createAnnouncement() {
  let pending: PromiseWithResolvers<void> | undefined;
  return {
    begin: () => void (pending = Promise.withResolvers()),
    end: () => pending?.resolve(),
    async wait(maxMs: number): Promise<void> {
      if (pending !== undefined) await waitAtMost(pending.promise, maxMs);
    },
  };
}
