import { encodeBase64 } from "../core/text/base64.ts";
import type { JobCause } from "../core/contracts/job-cause.ts";
import type { JobResult } from "../core/contracts/job-events.ts";
import type { CommandHookEvent, CommandStartEvent, JobEventBase } from "../core/contracts/hooks.ts";
import type { CommandPhase } from "../core/contracts/job-phases.ts";
import type { JobCommand } from "../core/contracts/job-request.ts";
import { AgentError, isAgentError, toMessage } from "../core/errors.ts";
import { createCause, toStopCause } from "./cause.ts";
import { findStop, inPhase, type JobRun, type JobVerdict, toSessionEvent } from "./job-run.ts";

/** Runs the job up to its result: from the first hook to the last epilogue (protocol section 6.1). */
export async function runCommands(run: JobRun): Promise<JobVerdict> {
  const unopened =
    (await inPhase(run, "accept", accept)) ??
    findStop(run) ??
    (await inPhase(run, "start-executor", openSession));
  if (unopened) return { result: "failed", cause: unopened };
  const unprepared =
    (await inPhase(run, "export", exportVariables)) ??
    findStop(run) ??
    (await inPhase(run, "files", injectFiles)) ??
    (await inPhase(run, "prepare", prepare));
  const verdict = unprepared ? toFailed(unprepared) : await runOwnCommands(run);
  if (run.signal.aborted || verdict.isSetByJob) return verdict;
  await inPhase(run, "epilogues", () => runEpilogues(run, verdict.result));
  return verdict;
}

interface CommandsVerdict extends JobVerdict {
  /** The job has set its result itself, and no epilogue runs. */
  readonly isSetByJob?: boolean;
}

const toFailed = (cause: JobCause): CommandsVerdict => ({ result: "failed", cause });

/** Plugins may refuse the job before anything of it has run. */
async function accept(run: JobRun): Promise<JobCause | undefined> {
  const { event, log, session } = run;
  const refusal = run.findRefusal && (await run.findRefusal());
  if (refusal !== undefined) {
    await session.addBlock("Refusing the job", `${refusal}\n`, 1);
    return createCause("refused", log.text(refusal));
  }
  using setter = run.variables.openSetter("job:start");
  try {
    await run.gate("job:start", (plugin) => ({
      ...event,
      log: log.from({ kind: "plugin", plugin }),
      setVariable: setter.setVariable,
    }));
    return undefined;
  } catch (error) {
    const isRefused = isAgentError(error, "JOB_REFUSED");
    return fail(run, isRefused ? "Refusing the job" : "Starting the job", {
      error,
      kind: isRefused ? "refused" : "plugin",
    });
  }
}

async function openSession(run: JobRun): Promise<JobCause | undefined> {
  const { executor } = run.request;
  try {
    const opening = run.session.open();
    // Prepares the filters while the shell starts, which takes a few milliseconds.
    run.log.prepare();
    if (await opening) return undefined;
    return createCause("executor", `executor "${executor}" could not be started`);
  } catch (error) {
    return fail(run, `Starting the ${executor} executor`, { error, kind: "executor" });
  }
}

async function exportVariables(run: JobRun): Promise<JobCause | undefined> {
  const exitCode = await run.session.exportVariables(run.request.env);
  return exitCode === 0 ? undefined : toPrepareCause(run, "the environment variables could not be exported");
}

async function injectFiles(run: JobRun): Promise<JobCause | undefined> {
  const exitCode = await run.session.injectFiles(run.request.files);
  return exitCode === 0 ? undefined : toPrepareCause(run, "the files could not be injected");
}

function toPrepareCause({ session, log }: JobRun, message: string): JobCause {
  const { fault } = session;
  return fault === undefined ? createCause("prepare", message) : createCause("executor", log.text(fault));
}

/** Calls the plugins before the first command. */
async function prepare(run: JobRun): Promise<JobCause | undefined> {
  const { signal, logger, log } = run;
  using setter = run.variables.openSetter("job:prepare");
  try {
    await run.gate("job:prepare", (plugin) => ({
      ...toSessionEvent(run, plugin),
      setVariable: setter.setVariable,
    }));
    return findStop(run);
  } catch (error) {
    if (!isAgentError(error, "JOB_FAILED")) return fail(run, "Preparing the job", { error, kind: "plugin" });
    if (!signal.aborted) logger.error(toMessage(error));
    return createCause("prepare", log.text(toMessage(error)));
  }
}

async function runOwnCommands(run: JobRun): Promise<CommandsVerdict> {
  let verdict: CommandsVerdict = { result: "passed" };
  await inPhase(run, "commands", async () => {
    const failed = await runAll(run, "commands", run.request.commands);
    if (!failed) return undefined;
    // Exit code 130 of a command: the job decides its result itself, and no epilogue runs.
    const isSetByJob = failed.exitCode === 130 && !run.signal.aborted;
    verdict = isSetByJob ? await readResult(run, failed) : toFailed(toCommandCause(run, failed));
    return verdict.cause;
  });
  return verdict;
}

/** A command that has failed. */
interface FailedCommand {
  readonly command: { readonly phase: CommandPhase; readonly index: number };
  readonly exitCode: number;
  /** What the executor has thrown. */
  readonly fault?: string | undefined;
}

function toCommandCause({ log }: JobRun, { command, exitCode, fault }: FailedCommand): JobCause {
  if (fault !== undefined) return createCause("executor", log.text(fault), { command, exitCode });
  const message = `command ${command.index + 1} exited with status ${exitCode}`;
  return createCause("command", message, { command, exitCode });
}

/** Runs commands until one fails, and resolves to that one. */
async function runAll(
  run: JobRun,
  phase: CommandPhase,
  commands: readonly JobCommand[],
): Promise<FailedCommand | undefined> {
  const { session, signal } = run;
  const isHeard = run.hears("command:start") || run.hears("command:end");
  const runOne = (index: number, { directive, alias }: JobCommand): Promise<number> =>
    session.run(directive, { kind: "command", phase, index }, { alias });
  for (const [index, command] of commands.entries()) {
    if (signal.aborted) return { command: { phase, index }, exitCode: 1 };
    const exitCode = await (isHeard
      ? announceCommand(run, { phase, index, ...command }, () => runOne(index, command))
      : runOne(index, command));
    if (exitCode !== 0) return { command: { phase, index }, exitCode, fault: session.fault };
  }
  return undefined;
}

/** Runs a command between the hooks that plugins listen to. */
async function announceCommand(
  run: JobRun,
  command: Omit<CommandHookEvent, keyof JobEventBase>,
  work: () => Promise<number>,
): Promise<number> {
  const { watch } = run.log;
  const event = { ...run.event, ...command };
  {
    using setter = run.variables.openSetter("command:start");
    await using captures = openCaptures(run);
    const { capture } = captures;
    await run.notify("command:start", { ...event, setVariable: setter.setVariable, capture });
  }
  const begun = performance.now() - watch.waitedMs;
  const exitCode = await work();
  const durationMs = performance.now() - watch.waitedMs - begun;
  await run.notify("command:end", { ...event, exitCode, durationMs });
  return exitCode;
}

/** Runs commands of plugins one after another; at the disposal, none runs any more. */
function openCaptures({ session, signal }: JobRun): Pick<CommandStartEvent, "capture"> & AsyncDisposable {
  let last: Promise<string> = Promise.resolve("");
  let isOpen = true;
  return {
    capture(directive) {
      if (!isOpen)
        throw new AgentError("SESSION_FAILED", "command:start is over: capture before the function returns");
      return (last = last.then(() => (signal.aborted ? "" : session.capture(directive))));
    },
    async [Symbol.asyncDispose]() {
      isOpen = false;
      await last;
    },
  };
}

/** Reads the result that the job set itself. */
async function readResult(
  { session }: JobRun,
  { command, exitCode }: FailedCommand,
): Promise<CommandsVerdict> {
  const { result, reason } = decideResult(await session.capture("echo $SEMAPHORE_JOB_RESULT"));
  const text = `${reason} - stopping job and marking it as ${result}`;
  await session.addBlock("Checking job result", text, 0);
  if (result === "passed") return { result, isSetByJob: true };
  const cause = createCause("result", `the job set its result to "${result}"`, { command, exitCode });
  return { result, isSetByJob: true, cause };
}

/** Runs the epilogues. Their failures do not change the result. */
async function runEpilogues(run: JobRun, result: JobResult): Promise<JobCause | undefined> {
  const { request, session } = run;
  await session.exportVariables([{ name: "SEMAPHORE_JOB_RESULT", value: encodeBase64(result) }]);
  const always = await runAll(run, "epilogue-always", request.epilogueAlways);
  const rest =
    result === "passed"
      ? await runAll(run, "epilogue-on-pass", request.epilogueOnPass)
      : await runAll(run, "epilogue-on-fail", request.epilogueOnFail);
  const failed = always ?? rest;
  return failed && toCommandCause(run, failed);
}

/** Shows in the job's log why the job cannot continue. */
async function fail(
  { session, signal, logger, log }: JobRun,
  directive: string,
  { error, kind }: { readonly error: unknown; readonly kind: JobCause["kind"] },
): Promise<JobCause> {
  const message = toMessage(error);
  if (signal.aborted) return toStopCause(signal);
  logger.error(message);
  await session.addBlock(directive, `${message}\n`, 1);
  return createCause(kind, log.text(message));
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
