import type { HangingHook } from "../../core/contracts/agent-status.ts";
import type { JobArrival, JobSummary } from "../../core/contracts/job-summary.ts";
import type { StopCause } from "../../core/contracts/stop-cause.ts";
import { toMessage } from "../../core/errors.ts";
import type { SpoolSource } from "../log/spool-source.ts";
import { removeJobDirectory } from "../state/job-directory.ts";
import { isJobLocked } from "../state/job-lock.ts";
import { type ClosedJob, summarizeUnfinished } from "../end/close-job.ts";
import type { UnstoredResult } from "../control/messages.ts";
import { connectToJob, type ConnectionOptions, type JobConnection } from "../control/connection.ts";
import { killJobProcess } from "../control/job-commands.ts";
import { findJobEnd } from "../end/find-job-end.ts";
import { watchBlockedProcess } from "./blocked-process.ts";

/** The process of a job, as an agent sees it. */
export interface JobProcess {
  /** The writer of the job's log: closed once no further event will follow. */
  readonly source: SpoolSource;
  /**
   * Resolves when the result is known; it is on disk if the disk accepts it. A job whose process died without
   * a result is closed first and has failed, as has a job whose result cannot be read. Never rejects.
   */
  readonly finished: Promise<JobSummary>;
  /** Returns the hooks of the job's plugins that hang at the moment. */
  hangingHooks(): readonly HangingHook[];
  stop(cause: StopCause): void;
  kill(cause: StopCause): void;
}

export interface FollowOptions extends Omit<ConnectionOptions, "onGrown" | "onHanging" | "onMetrics"> {
  /** Called once with each part of what the job's plugins have recorded. The job may have sent anything. */
  readonly onMetrics: (metrics: unknown) => void;
  readonly arrival: JobArrival;
  /**
   * Called when the process died without a result, after the log was closed; and of a resumed or continued job
   * always, since an earlier process may have died after it closed the log. `left`: the private directory that
   * was not removed. `finished` waits for it. Never rejects.
   */
  readonly cleanUp: (left: string | undefined) => Promise<void>;
  /**
   * Starts another process that continues the job, whose process died without a result. Resolves to the reason when
   * that is impossible; to `undefined` for jobs that end with their process.
   */
  readonly takeOver?: (() => Promise<NextProcess | string | undefined>) | undefined;
  /**
   * Aborted when the next agent resumes the jobs. A process that dies then is left to that agent, and `finished`
   * does not resolve.
   */
  readonly handOver: AbortSignal;
}

/** A process that continues a job. */
export type NextProcess = Pick<FollowOptions, "socket" | "secret" | "child">;

/** Follows a job's process until its result is known. */
export function followJobProcess(options: FollowOptions): JobProcess {
  const source = createSource();
  let hanging: readonly HangingHook[] = [];
  let current: FollowOptions = options;
  let order: { readonly do: "stop" | "kill"; readonly cause: StopCause } | undefined;
  let connection = connect();

  function connect(): JobConnection {
    return connectToJob({
      ...current,
      onGrown: source.wake,
      onHanging: (hooks) => void (hanging = hooks),
      onMetrics: countOnce(options.onMetrics),
    });
  }

  const watch = watchBlockedProcess({ ...options, kill: (why) => killJobProcess(current, why) });

  /** Resolves to why the job is not continued. */
  async function continueJob(): Promise<string | undefined> {
    // A job that was killed has nothing to continue.
    const next = order?.do === "kill" ? undefined : await options.takeOver?.();
    if (next === undefined || typeof next === "string") return next;
    current = { ...options, ...next };
    hanging = [];
    connection = connect();
    if (order) connection.send(order.do, order.cause);
    return await follow();
  }

  let unstored: UnstoredResult | undefined;
  let diedAt: number | undefined;
  async function follow(): Promise<string | undefined> {
    const { directory, child } = current;
    const wasAlive = child !== undefined || isJobLocked(directory);
    unstored = await connection.ended;
    if (unstored) return undefined;
    // The processes of a pod end with its agent, while the agent of the next pod starts.
    if (options.handOver.aborted) await new Promise<never>(() => {});
    diedAt = wasAlive ? Date.now() : undefined;
    return await continueJob();
  }

  async function finish(): Promise<JobSummary> {
    const { directory, jobId, logger, arrival } = options;
    try {
      const unresumed = await follow();
      const { child } = current;
      const found = { directory, jobId, logger, unstored, child, arrival, diedAt, unresumed };
      const end = await findJobEnd(found);
      source.close(end.rest);
      if (!end.isDead) killIfLate(current);
      // A process that could not continue the job has closed it, and may know nothing of what is left.
      const isTakenOver = current !== options;
      if (end.isDead || options.child === undefined || isTakenOver) await options.cleanUp(end.left);
      if (end.left !== undefined) removeJobDirectory(end.left, logger);
      return end.summary;
    } catch (error) {
      const reason = `job result unknown, the job is reported as failed: ${toMessage(error)}`;
      logger.error(reason, { job: jobId });
      return summarizeUnfinished({ kind: "unknown", reason, arrival });
    } finally {
      watch[Symbol.dispose]();
      source.close();
    }
  }

  return {
    source,
    finished: finish(),
    hangingHooks: () => (watch.hanging ? [watch.hanging] : hanging),
    stop(cause) {
      watch.expectEnd();
      order ??= { do: "stop", cause };
      connection.send("stop", cause);
    },
    kill(cause) {
      order = { do: "kill", cause };
      connection.send("kill", cause);
    },
  };
}

/** A message is sent again when its confirmation was lost. */
function countOnce(count: (metrics: unknown) => void): ConnectionOptions["onMetrics"] {
  let last: unknown;
  return ({ number, metrics }) => {
    if (number !== last) count(metrics);
    last = number;
  };
}

/** Bounded, because the clean-up of a plugin may delay the exit. */
function killIfLate(options: FollowOptions): void {
  const why = `job process did not exit within ${exitMs / 1000} s after its result`;
  const timer = setTimeout(() => killJobProcess(options, why), exitMs);
  timer.unref();
  void options.child?.exited.then(() => clearTimeout(timer));
}

const exitMs = 30_000;

/** A job that has ended and has no process. */
export function toFinishedProcess({ summary, rest }: ClosedJob): JobProcess {
  return {
    source: { closed: true, rest, watch: () => () => {} },
    finished: Promise.resolve(summary),
    hangingHooks: () => [],
    stop() {},
    kill() {},
  };
}

function createSource(): SpoolSource & { wake(): void; close(rest?: Uint8Array): void } {
  const listeners = new Set<() => void>();
  let closed = false;
  let rest: Uint8Array | undefined;
  const wake = () => {
    for (const listener of listeners) listener();
  };
  return {
    get closed() {
      return closed;
    },
    get rest() {
      return rest;
    },
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    wake,
    close(lines) {
      rest ??= lines;
      closed = true;
      wake();
    },
  };
}
