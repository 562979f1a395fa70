import type { Executor, ExecutorContext } from "../core/contracts/executor.ts";
import type { Host } from "../core/contracts/host.ts";
import type { JobRequest } from "../core/contracts/job-request.ts";
import type { JobSummary } from "../core/contracts/job-summary.ts";
import type { Logger } from "../core/contracts/logger.ts";
import { jobPolicy } from "../core/contracts/services.ts";
import { toMessage } from "../core/errors.ts";
import { findRefusal } from "./job-policy.ts";
import { createJobSession } from "./job-session.ts";
import { type ExecutorLimits, limitExecutor } from "./limited-executor.ts";
import type { WritableJobLog } from "./log/job-log.ts";
import { finishJob, type JobRun, runCommands } from "./phases.ts";
import { afterAbort, onAbort } from "../core/aborted.ts";
import { freshSessionMs } from "./run-in-fresh-session.ts";

export interface JobOptions extends ExecutorLimits {
  readonly host: Pick<Host, "all" | "call" | "describe" | "hanging">;
  readonly log: WritableJobLog;
  readonly logger: Logger;
  /** Creates the executor. What it throws is shown in the job's log. */
  readonly createExecutor: (report: Pick<ExecutorContext, "imagePulled" | "log">) => Executor;
  /** Milliseconds for which the answer of a policy is awaited. Default: 30 s. */
  readonly policyMs?: number | undefined;
  /** Whether the job's log ends with a report of the resources that the job used (`job-report`). */
  readonly isReported: boolean;
  /** Describes what another process did to the job's files. A job with such files fails. */
  readonly findTampering?: (() => string | undefined) | undefined;
}

/** A job. `run` is called once; the other methods at any moment and any number of times. */
export interface Job {
  /** Resolves when the executor is disposed. Never rejects for what the job or a plugin did. */
  run(): Promise<JobSummary>;
  /**
   * Ends what runs: SIGTERM, and SIGKILL after the grace period. No epilogue runs (protocol section 6.1).
   * `why` is added to the log.
   */
  stop(why?: string): void;
  /** Ends what runs at once, and what a `stop` still waits for. Hooks that have not returned are no longer awaited. */
  kill(): void;
  /** Aborts when the job is killed. */
  readonly killed: AbortSignal;
}

/** Creates a job; `run` takes it from its first event to its last (protocol sections 5.4 and 6.1). */
export function createJob(request: JobRequest, options: JobOptions): Job {
  const { host, log, logger, stopGraceMs, isReported, findTampering } = options;
  const stopping = new AbortController();
  const killing = new AbortController();

  // Most jobs have no plugin that listens before and after each command.
  const heard: ReadonlySet<string> = new Set(host.describe().flatMap(({ hooks }) => hooks));
  const call: JobRun["gate"] = async (name, event) => {
    if (!heard.has(name)) return;
    await waitForHook(host.call(name, event), {
      stopped: stopping.signal,
      killed: killing.signal,
      stopGraceMs,
      onGivenUp() {
        const late = host.hanging().filter(({ hook }) => hook === name);
        const plugins = late.map(({ plugin }) => `plugin "${plugin}"`).join(", ") || "a plugin";
        run.hung.push(`${plugins} had not returned from ${name}`);
        logger.warn(`${name} is no longer awaited, since the job was stopped: ${run.hung.at(-1)}`, {
          job: request.id,
        });
      },
    });
  };
  const notify: JobRun["notify"] = async (name, event) => {
    try {
      await call(name, event);
    } catch (error) {
      // The host logs what listeners throw; anything else must not fail the job either.
      logger.error(toMessage(error));
    }
  };

  const { signal } = stopping;
  const policies = host.all(jobPolicy);
  const session = createJobSession(request, {
    log,
    logger,
    stopped: signal,
    killed: killing.signal,
    createExecutor: (executorLog) => {
      const created = options.createExecutor({
        log: executorLog,
        imagePulled: (pull) => notify("image:pulled", { job: request, signal, ...pull }),
      });
      return limitExecutor(created, logger, options);
    },
  });
  const run: JobRun = {
    request,
    log,
    logger,
    session,
    signal,
    hung: [],
    ...(policies.size > 0 && {
      findRefusal: () => findRefusal(request, { policies, logger, signal, answerMs: options.policyMs }),
    }),
    gate: call,
    notify,
  };

  function stop(graceMs: number, why?: string): void {
    stopping.abort(why);
    session.stop(graceMs);
  }

  return {
    async run() {
      const startedAt = performance.now();
      log.started();
      const summary = await finishJob(run, await runCommands(run), {
        startedAt,
        isReported,
        findTampering,
      });
      await notify("job:end", { job: request, signal, ...summary });
      return summary;
    },
    stop: (why) => stop(stopGraceMs, why),
    kill() {
      killing.abort();
      stop(0);
    },
    killed: killing.signal,
  };
}

interface HookWaitOptions {
  /** Aborts when the job is stopped. */
  readonly stopped: AbortSignal;
  /** Aborts when the job is killed. */
  readonly killed: AbortSignal;
  /** Milliseconds from SIGTERM to SIGKILL of a stopped job (`stop-grace-period`). */
  readonly stopGraceMs: number;
  /** Called when the listeners are no longer awaited. */
  readonly onGivenUp: () => void;
}

/**
 * Waits for a hook's listeners as long as the job runs. After a stop the wait ends with the grace period; a
 * hook that begins after the stop has 30 s more, in which it may run a command in a new session. A kill ends
 * the wait at once.
 */
async function waitForHook(work: Promise<void>, options: HookWaitOptions): Promise<void> {
  const { stopped, killed, stopGraceMs } = options;
  const givenUp = Promise.withResolvers<void>();
  const giveUp = () => {
    options.onGivenUp();
    givenUp.resolve();
  };
  if (killed.aborted) return;
  const extraMs = stopped.aborted ? freshSessionMs : 0;
  using _stop = afterAbort(stopped, stopGraceMs + extraMs, giveUp);
  using _kill = onAbort(killed, () => givenUp.resolve());
  await Promise.race([work, givenUp.promise]);
}
