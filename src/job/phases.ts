import { encodeBase64 } from "../core/text/base64.ts";
import type { CommandPhase, HookEvents, HookName, JobSessionEvent } from "../core/contracts/hooks.ts";
import type { JobResult } from "../core/contracts/job-events.ts";
import type { JobCommand, JobRequest } from "../core/contracts/job-request.ts";
import type { JobSummary } from "../core/contracts/job-summary.ts";
import type { Logger } from "../core/contracts/logger.ts";
import { isAgentError, toMessage } from "../core/errors.ts";
import type { JobSession } from "./job-session.ts";
import type { WritableJobLog } from "./log/job-log.ts";
import { readUsage, writeReport } from "./usage/read-usage.ts";

/** What the phases of a job share. */
export interface JobRun {
  readonly request: JobRequest;
  readonly log: WritableJobLog;
  readonly logger: Logger;
  readonly session: JobSession;
  /** Aborts when the job is stopped; its reason is shown in the job's log if it is a text. */
  readonly signal: AbortSignal;
  /** The listeners that were given up after a stop, for the job's log. */
  readonly hung: string[];
  /** Returns why a policy refuses the job. Left out without policies. */
  findRefusal?(): Promise<string | undefined>;
  /** Calls the listeners of a gate; rejects with what they throw. */
  gate<N extends HookName>(name: N, event: HookEvents[N]): Promise<void>;
  /** Calls the listeners of a notice. Never rejects. */
  notify<N extends HookName>(name: N, event: HookEvents[N]): Promise<void>;
}

/** Runs the job up to its result: from the first hook to the last epilogue (protocol section 6.1). */
export async function runCommands(run: JobRun): Promise<JobResult> {
  const { request, signal } = run;
  if (!(await isAccepted(run)) || !(await openSession(run))) return "failed";
  const isPrepared = await prepare(run);
  const exitCode = isPrepared ? await runAll(run, "commands", request.commands) : 1;
  // Exit code 130 of a command: the job decides its result itself, and no epilogue runs.
  if (isPrepared && exitCode === 130 && !signal.aborted) return readResult(run);
  const result = exitCode === 0 ? "passed" : "failed";
  await runEpilogues(run, result);
  return result;
}

/**
 * Fires `job:finish`, completes the log and disposes the executor. `startedAt` is a time of
 * `performance.now`.
 */
export async function finishJob(
  run: JobRun,
  decided: JobResult,
  options: {
    readonly startedAt: number;
    readonly isReported: boolean;
    readonly findTampering?: (() => string | undefined) | undefined;
  },
): Promise<JobSummary> {
  const { log, logger, session, signal } = run;
  const { startedAt } = options;
  await run.notify("job:finish", {
    ...toSessionEvent(run),
    result: signal.aborted ? "stopped" : decided,
    session: session.isOpen && !signal.aborted ? "open" : "closed",
  });
  // A stop may have come while the listeners ran.
  const reported = signal.aborted ? "stopped" : decided;
  const tampering = options.findTampering?.();
  const result = tampering !== undefined && reported === "passed" ? "failed" : reported;
  if (tampering !== undefined) {
    const reason = `${tampering}; the job is reported as ${result}`;
    logger.error(reason, { job: run.request.id });
    await session.addBlock("Ending the job", `[signalman: ${reason}]\n`, 1);
  }
  const why: unknown = signal.reason;
  for (const listener of run.hung) await explainEnd(run, listener);
  if (typeof why === "string") await explainEnd(run, why);
  const { executor } = session;
  if (options.isReported) await writeReport({ log, logger, executor, startedAt });
  log.finished(result);
  await session.close();
  const usage = await readUsage(executor, logger);
  const { events, bytes, droppedBytes } = log.stats;
  const durationMs = performance.now() - startedAt;
  return { result, durationMs, log: { events, bytes, droppedBytes }, ...(usage && { usage }) };
}

/** Adds a block to the log, unless the block of a listener that was given up is still open. */
async function explainEnd({ session }: JobRun, text: string): Promise<void> {
  try {
    await session.addBlock("Ending the job", `[signalman: ${text}]\n`, 1);
  } catch (error) {
    if (!isAgentError(error, "LOG_BUSY")) throw error;
  }
}

/** Plugins may refuse the job before anything of it has run. */
async function isAccepted(run: JobRun): Promise<boolean> {
  const { request: job, log, signal, session } = run;
  const refusal = run.findRefusal && (await run.findRefusal());
  if (refusal !== undefined) {
    await session.addBlock("Refusing the job", `${refusal}\n`, 1);
    return false;
  }
  try {
    await run.gate("job:start", { job, log, signal });
    return true;
  } catch (error) {
    return fail(run, isAgentError(error, "JOB_REFUSED") ? "Refusing the job" : "Starting the job", error);
  }
}

async function openSession(run: JobRun): Promise<boolean> {
  if (run.signal.aborted) return false;
  try {
    const opening = run.session.open();
    // Prepares the filters while the shell starts, which takes a few milliseconds.
    run.log.prepare();
    return await opening;
  } catch (error) {
    return fail(run, `Starting the ${run.request.executor} executor`, error);
  }
}

/** Exports the environment, injects the files, and calls the plugins before the first command. */
async function prepare(run: JobRun): Promise<boolean> {
  const { request, session, signal, logger } = run;
  if (!(await session.exportVariables(request.env)) || signal.aborted) return false;
  if (!(await session.injectFiles(request.files))) return false;
  try {
    await run.gate("job:prepare", toSessionEvent(run));
    return !signal.aborted;
  } catch (error) {
    if (!isAgentError(error, "JOB_FAILED")) return fail(run, "Preparing the job", error);
    if (!signal.aborted) logger.error(toMessage(error));
    return false;
  }
}

/** Runs commands until one fails. Resolves to the last exit code. */
async function runAll(run: JobRun, phase: CommandPhase, commands: readonly JobCommand[]): Promise<number> {
  const { request: job, session, signal } = run;
  for (const [index, { directive, alias }] of commands.entries()) {
    if (signal.aborted) return 1;
    const event = { job, signal, phase, index, directive, alias };
    await run.notify("command:start", event);
    const startedAt = performance.now();
    const exitCode = await session.run(directive, { alias });
    await run.notify("command:end", { ...event, exitCode, durationMs: performance.now() - startedAt });
    if (exitCode !== 0) return exitCode;
  }
  return 0;
}

/** Reads the result that the job set itself. */
async function readResult({ session }: JobRun): Promise<JobResult> {
  const { result, reason } = decideResult(await session.capture("echo $SEMAPHORE_JOB_RESULT"));
  const text = `${reason} - stopping job and marking it as ${result}`;
  await session.addBlock("Checking job result", text, 0);
  return result;
}

/** Runs the epilogues. Their failures do not change the result. */
async function runEpilogues(run: JobRun, result: JobResult): Promise<void> {
  const { request, session, signal } = run;
  if (signal.aborted) return;
  await session.exportVariables([{ name: "SEMAPHORE_JOB_RESULT", value: encodeBase64(result) }]);
  await runAll(run, "epilogue-always", request.epilogueAlways);
  if (result === "passed") await runAll(run, "epilogue-on-pass", request.epilogueOnPass);
  else await runAll(run, "epilogue-on-fail", request.epilogueOnFail);
}

/** Shows in the job's log why the job cannot continue. */
async function fail({ session, signal, logger }: JobRun, directive: string, error: unknown): Promise<false> {
  if (signal.aborted) return false;
  logger.error(toMessage(error));
  await session.addBlock(directive, `${toMessage(error)}\n`, 1);
  return false;
}

function toSessionEvent({ request, log, signal, session }: JobRun): JobSessionEvent {
  return { job: request, log, signal, run: session.run };
}

/**
 * Decides the result of a job that exited with 130, from the output of `echo $SEMAPHORE_JOB_RESULT` (protocol
 * section 6.1).
 */
function decideResult(printed: string): { result: JobResult; reason: string } {
  // With `set -x`, the output begins with the trace of the command.
  const value = printed.trimEnd().split("\n").at(-1) ?? "";
  if (value === "passed" || value === "failed")
    return { result: value, reason: `SEMAPHORE_JOB_RESULT=${value}` };
  return { result: "stopped", reason: `SEMAPHORE_JOB_RESULT is set to '${value}'` };
}
