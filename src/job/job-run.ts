import type { HookEventSource } from "../core/contracts/host.ts";
import type { HookName, JobEventBase, JobSessionEvent } from "../core/contracts/hooks.ts";
import type { JobCause } from "../core/contracts/job-cause.ts";
import type { JobResult } from "../core/contracts/job-events.ts";
import type { BlockSource, JobPhase } from "../core/contracts/job-phases.ts";
import type { JobRequest } from "../core/contracts/job-request.ts";
import type { Logger } from "../core/contracts/logger.ts";
import { toStopCause } from "./cause.ts";
import type { JobSession } from "./job-session.ts";
import type { JobVariables } from "./job-variables.ts";
import type { WritableJobLog } from "./log/job-log.ts";
import type { StopControl } from "./stop-control.ts";
import { startStopwatch } from "./stopwatch.ts";

/** What the phases of a job share. */
export interface JobRun {
  readonly request: JobRequest;
  readonly log: WritableJobLog;
  readonly logger: Logger;
  readonly session: JobSession;
  /** The variables that plugins set. */
  readonly variables: JobVariables;
  /** Aborts when the job is stopped. */
  readonly signal: AbortSignal;
  readonly stops: Pick<StopControl, "whenEnding" | "decided">;
  /** The fields that every event of the job has. */
  readonly event: JobEventBase;
  /** The phase that the job is in. */
  phase: JobPhase;
  /** What listeners did wrong during and after a stop, for the job's log. */
  readonly faults: readonly string[];
  /** Returns why a policy refuses the job. Left out without policies. */
  findRefusal?(): Promise<string | undefined>;
  /** Whether a plugin listens to a hook. */
  hears(name: HookName): boolean;
  /** Calls the listeners of a gate; rejects with what they throw. */
  gate<N extends HookName>(name: N, event: HookEventSource<N>): Promise<void>;
  /** Calls the listeners of a notice. Never rejects. */
  notify<N extends HookName>(name: N, event: HookEventSource<N>): Promise<void>;
}

/** How a job ends, unless it is stopped or its files were changed. `cause`: set unless it has passed. */
export interface JobVerdict {
  readonly result: JobResult;
  readonly cause?: JobCause;
}

/** Runs a phase, and tells plugins when it has ended. Resolves to why the job cannot continue, if it cannot. */
export async function inPhase(
  run: JobRun,
  phase: JobPhase,
  work: (run: JobRun) => Promise<JobCause | undefined>,
): Promise<JobCause | undefined> {
  run.phase = phase;
  const elapsed = startStopwatch();
  const cause = await work(run);
  const isOk = cause === undefined && !run.signal.aborted;
  const ended = { phase, ...elapsed(), isOk };
  run.log.watch.observer?.phaseEnded(ended);
  await run.notify("job:phase", { ...run.event, ...ended });
  return cause;
}

/** Returns the event of a plugin's listener that can add blocks to the log and run commands. */
export function toSessionEvent({ event, log, session }: JobRun, plugin: string): JobSessionEvent {
  const source: BlockSource = { kind: "plugin", plugin };
  return {
    ...event,
    log: log.from(source),
    run: (directive, options) => session.run(directive, source, options),
  };
}

/** Returns why the job was stopped, if it was. */
export function findStop({ signal }: JobRun): JobCause | undefined {
  return signal.aborted ? toStopCause(signal) : undefined;
}
