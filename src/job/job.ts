import type { Executor, ExecutorContext } from "../core/contracts/executor.ts";
import type { HookName, JobEventBase } from "../core/contracts/hooks.ts";
import type { Host } from "../core/contracts/host.ts";
import type { JobRequest } from "../core/contracts/job-request.ts";
import type { JobArrival, JobSummary } from "../core/contracts/job-summary.ts";
import type { Logger } from "../core/contracts/logger.ts";
import { jobPolicy } from "../core/contracts/services.ts";
import type { StopCause } from "../core/contracts/stop-cause.ts";
import { findRefusal } from "./job-policy.ts";
import { createJobSession } from "./job-session.ts";
import { type ExecutorLimits, limitExecutor } from "./limited-executor.ts";
import type { JobVariables } from "./job-variables.ts";
import type { JobJournal } from "./journal/job-journal.ts";
import { keepHooks, repeatStop, whenFollowed } from "./journal/continue-job.ts";
import type { WritableJobLog } from "./log/job-log.ts";
import { finishJob } from "./finish-job.ts";
import { createHookCalls } from "./hook-calls.ts";
import type { JobRun } from "./job-run.ts";
import { runCommands } from "./phases.ts";
import { createStopControl } from "./stop-control.ts";
import { elapsedSince, startStopwatch } from "./stopwatch.ts";

export interface JobOptions extends ExecutorLimits {
  readonly host: Pick<Host, "all" | "call" | "describe" | "hanging">;
  readonly log: WritableJobLog;
  readonly logger: Logger;
  /** Facts that every event of the job has. */
  readonly place: Pick<JobEventBase, "slot" | "executor" | "agent">;
  readonly arrival: JobArrival;
  readonly variables: JobVariables;
  /** Creates the executor. What it throws is shown in the job's log. */
  readonly createExecutor: (report: Pick<ExecutorContext, "imagePulled" | "log">) => Executor;
  /** Milliseconds for which the answer of a policy is awaited. Default: 30 s. */
  readonly policyMs?: number | undefined;
  /** Milliseconds that plugins have before the processes of a stopped job are ended (`stop-hook-timeout`). */
  readonly stopHookMs: number;
  /** Whether the job's log ends with a report of the resources that the job used (`job-report`). */
  readonly isReported: boolean;
  /** Describes what another process did to the job's files. A job with such files fails. */
  readonly findTampering?: (() => string | undefined) | undefined;
  /** Set for a job that another process may continue, or that this one continues. */
  readonly journal?: JobJournal | undefined;
}

/** A job. `run` is called once; the other methods at any moment and any number of times. */
export interface Job {
  /** Resolves when the executor is disposed. Never rejects for what the job or a plugin did. */
  run(): Promise<JobSummary>;
  /**
   * Ends what runs: SIGTERM, and SIGKILL after the grace period. No epilogue runs (protocol section 6.1). The
   * log shows the cause if it is the agent or a plugin.
   */
  stop(cause: StopCause): void;
  /** Ends what runs at once, and what a `stop` still waits for. Hooks that have not returned are no longer awaited. */
  kill(cause: StopCause): void;
  /** Aborts when the job is killed. */
  readonly killed: AbortSignal;
}

/** Creates a job; `run` takes it from its first event to its last (protocol sections 5.4 and 6.1). */
export function createJob(request: JobRequest, options: JobOptions): Job {
  const { host, log, logger, variables, stopGraceMs, isReported, findTampering, journal } = options;
  const faults: string[] = [];
  const onFault = (text: string) => void faults.push(text);
  const stops = createStopControl({
    graceMs: stopGraceMs,
    end: (graceMs) => session.stop(graceMs),
    before: (cause) => delayStop(cause),
  });
  const onGivenUp = (name: HookName, text: string) => {
    onFault(text);
    const message = `${name} is no longer awaited, since the job was stopped: ${text}`;
    logger.warn(message, { job: request.id });
  };
  const { ending, killed } = stops;
  const calls = createHookCalls({ host, logger, ending, killed, stopGraceMs, onGivenUp });
  const { gate, notify, hears } = journal ? keepHooks(calls, journal) : calls;

  const signal = stops.stopped;
  const policies = host.all(jobPolicy);
  const event: JobEventBase = { job: request, signal, ...options.place };
  const shared = { log, logger, variables };
  const session = createJobSession(request, {
    ...shared,
    stops,
    journal,
    createExecutor: (executorLog) => {
      const created = options.createExecutor({
        log: executorLog,
        imagePulled: (pull) => {
          const pulled = { startedAt: Date.now() - pull.durationMs, ...pull };
          log.watch.observer?.imagePulled(pulled);
          return notify("image:pulled", { ...event, ...pulled });
        },
      });
      return limitExecutor(created, logger, options);
    },
  });
  const run: JobRun = {
    ...shared,
    request,
    session,
    signal,
    event,
    phase: "accept",
    stops,
    faults,
    // The policies have admitted a job whose session is open.
    ...(policies.size > 0 &&
      !journal?.left?.session.length && {
        findRefusal: () => findRefusal(request, { policies, logger, signal, answerMs: options.policyMs }),
      }),
    hears,
    gate,
    notify,
  };
  if (hears("job:block")) watchBlocks(run);

  /** Lets plugins act before the processes of a job with an open session are ended. */
  function delayStop(cause: StopCause): Promise<void> | undefined {
    const { executor } = session;
    if (!session.isOpen || !executor || !hears("job:stopping")) return undefined;
    const given = { host, event, cause, budgetMs: options.stopHookMs, killed, executor, onFault };
    return import("./stopping.ts").then(({ callBeforeStop }) => callBeforeStop({ ...given, log, logger }));
  }

  return {
    async run() {
      const elapsed = journal?.left ? elapsedSince(journal.left.startedAt) : startStopwatch();
      if (journal?.left?.stop) repeatStop(journal, stops);
      log.started();
      const { arrival } = options;
      const verdict = await runCommands(run);
      const summary = await finishJob(run, verdict, { elapsed, arrival, isReported, findTampering });
      await notify("job:end", { ...event, ...summary });
      return summary;
    },
    ...toStops(stops, journal),
    killed,
  };
}

/** Stops are recorded before they have an effect. */
function toStops(stops: Pick<Job, "stop" | "kill">, journal: JobJournal | undefined): typeof stops {
  const record = (cause: StopCause, isKill: boolean) => journal?.write({ is: "stop", cause, isKill });
  return {
    stop(cause) {
      record(cause, false);
      if (journal) whenFollowed(journal, () => stops.stop(cause));
      else stops.stop(cause);
    },
    kill(cause) {
      record(cause, true);
      stops.kill(cause);
    },
  };
}

/**
 * Tells plugins of each block, one after another. A block that a plugin adds meanwhile is left out, since a listener
 * that adds blocks would be told of them without end.
 */
function watchBlocks(run: JobRun): void {
  let telling: Promise<void> | undefined;
  run.log.watch.listener = async (block) => {
    if (telling && block.source.kind === "plugin") return;
    const event = { ...run.event, phase: run.phase, ...block };
    const tell = () => run.notify("job:block", event);
    const told = telling ? telling.then(tell) : tell();
    telling = told;
    await told;
    if (telling === told) telling = undefined;
  };
}
