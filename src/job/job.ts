import { isAgentError, toMessage } from "../core/errors.ts";
import type { CommandPhase, JobSessionEvent, RunOptions } from "../core/contracts/hooks.ts";
import type { JobSummary } from "../core/contracts/job-summary.ts";
import type { Host } from "../core/contracts/host.ts";
import type { JobResult } from "../core/contracts/job-events.ts";
import type { WritableJobLog } from "./log/job-log.ts";
import type { Output } from "../core/contracts/job-log.ts";
import type { Logger } from "../core/contracts/logger.ts";
import { encodeBase64 } from "../core/base64.ts";
import { decideResult } from "./decided-result.ts";
import type { Executor, ExecutorContext } from "../core/contracts/executor.ts";
import { runInFreshSession } from "./fresh-session.ts";
import type { EnvironmentVariable, JobCommand, JobRequest } from "../core/contracts/job-request.ts";
import { readUsage, writeReport } from "./usage.ts";

export interface JobOptions {
  readonly host: Pick<Host, "call">;
  readonly log: WritableJobLog;
  readonly logger: Logger;
  /** Makes the executor. What it throws is the job's to show. */
  readonly createExecutor: (tell: Pick<ExecutorContext, "imagePulled">) => Executor;
  readonly stopGraceMs: number;
  /** The job's log ends with a block about what the job used. */
  readonly isReported: boolean;
}

/** A job. `run` is called once; the others at any moment, as often as one likes. */
export interface Job {
  /** Resolves when the executor is gone. Never rejects for what the job or a plugin did. */
  run(): Promise<JobSummary>;
  /** Ends what runs: SIGTERM, and SIGKILL after the grace. No epilogue runs (protocol section 6.1). `why` stands in the log. */
  stop(why?: string): void;
  /** Ends what runs, and what a `stop` still waits for, at once. A hook that does not return is waited for no longer. */
  kill(): void;
  /** Aborts when the job is killed. */
  readonly killed: AbortSignal;
}

/** A job from its first event to its last (protocol sections 5.4 and 6.1). */
export function createJob(request: JobRequest, options: JobOptions): Job {
  const { host, log, logger, stopGraceMs } = options;
  const stopping = new AbortController();
  const killing = new AbortController();
  const killed = Promise.withResolvers<void>();
  killing.signal.addEventListener("abort", () => killed.resolve(), { once: true });
  let executor: Executor | undefined;
  let isOpen = false;
  /** Of a stop. */
  let ended: Promise<void> = Promise.resolve();
  const isStopped = () => stopping.signal.aborted;
  const createExecutor = () =>
    options.createExecutor({ imagePulled: (pull) => call("image:pulled", { job: request, ...pull }) });

  async function run(): Promise<JobSummary> {
    const startedAt = performance.now();
    log.started();
    let result: JobResult = "failed";
    if ((await isAccepted()) && (await open())) {
      const isPrepared = await prepare();
      const exitCode = isPrepared ? await runAll("commands", request.commands) : 1;
      const isDecidedInside = isPrepared && exitCode === 130 && !isStopped();
      result = isDecidedInside ? await readResult() : exitCode === 0 ? "passed" : "failed";
      if (!isDecidedInside) await runEpilogues(result);
    }
    if (isStopped()) result = "stopped";
    await call("job:finish", {
      ...sessionEvent(),
      result,
      session: isOpen && !isStopped() ? "open" : "closed",
    });
    // A stop that came while the hooks ran.
    if (isStopped()) result = "stopped";
    const why: unknown = stopping.signal.reason;
    if (typeof why === "string")
      await block("Ending the job", (_, output) => (output(`[signalman: ${why}]\n`), 1));
    if (options.isReported) await writeReport({ log, logger, executor, startedAt });
    log.finished(result);
    await close();
    const usage = await readUsage(executor, logger);
    const { events, bytes, droppedBytes } = log.stats;
    const summary = {
      result,
      durationMs: performance.now() - startedAt,
      log: { events, bytes, droppedBytes },
      ...(usage && { usage }),
    };
    await call("job:end", { job: request, ...summary });
    return summary;
  }

  /** A plugin may refuse the job before anything of it has run. */
  async function isAccepted(): Promise<boolean> {
    try {
      await untilKilled(host.call("job:start", { job: request, log }));
      return true;
    } catch (error) {
      return fail(isAgentError(error, "JOB_REFUSED") ? "Refusing the job" : "Starting the job", error);
    }
  }

  async function open(): Promise<boolean> {
    if (isStopped()) return false;
    try {
      executor = createExecutor();
      isOpen = (await executor.start(stopping.signal)) === 0;
      return isOpen;
    } catch (error) {
      return fail(`Starting the ${request.executor} executor`, error);
    }
  }

  /** Environment, files, and what plugins do before the first command. */
  async function prepare(): Promise<boolean> {
    if (!(await exportVariables(request.env))) return false;
    if (isStopped()) return false;
    if ((await block("Injecting Files", (it, output) => it.injectFiles(request.files, output))) !== 0)
      return false;
    try {
      await untilKilled(host.call("job:prepare", sessionEvent()));
      return !isStopped();
    } catch (error) {
      if (!isAgentError(error, "JOB_FAILED")) return fail("Preparing the job", error);
      if (!isStopped()) logger.error(toMessage(error));
      return false;
    }
  }

  /** One after another, until one fails. Resolves to the last exit code. */
  async function runAll(phase: CommandPhase, commands: readonly JobCommand[]): Promise<number> {
    for (const [index, { directive, alias }] of commands.entries()) {
      if (isStopped()) return 1;
      const event = { job: request, phase, index, directive, alias };
      await call("command:start", event);
      const startedAt = performance.now();
      const exitCode = await runCommand(directive, { alias });
      await call("command:end", { ...event, exitCode, durationMs: performance.now() - startedAt });
      if (exitCode !== 0) return exitCode;
    }
    return 0;
  }

  /** Exit code 130 of a command: the job says its result itself, in `SEMAPHORE_JOB_RESULT`. */
  async function readResult(): Promise<JobResult> {
    let text = "";
    const collect: Output = (chunk) =>
      (text += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString());
    await attempt((it) => it.run("echo $SEMAPHORE_JOB_RESULT", collect, { silent: true }));
    const { result, reason } = decideResult(text);
    await block("Checking job result", (_, output) => {
      output(`${reason} - stopping job and marking it as ${result}`);
      return 0;
    });
    return result;
  }

  /** Their failures change nothing. */
  async function runEpilogues(result: JobResult): Promise<void> {
    if (isStopped()) return;
    await exportVariables([{ name: "SEMAPHORE_JOB_RESULT", value: encodeBase64(result) }]);
    await runAll("epilogue-always", request.epilogueAlways);
    if (result === "passed") await runAll("epilogue-on-pass", request.epilogueOnPass);
    else await runAll("epilogue-on-fail", request.epilogueOnFail);
  }

  async function close(): Promise<void> {
    isOpen = false;
    try {
      await executor?.[Symbol.asyncDispose]();
    } catch (error) {
      logger.error(`the ${request.executor} executor did not end well: ${toMessage(error)}`);
    }
  }

  async function exportVariables(env: readonly EnvironmentVariable[]): Promise<boolean> {
    const directive = "Exporting environment variables";
    return (await block(directive, (it, output) => it.exportEnvironment(env, output))) === 0;
  }

  function runCommand(directive: string, runOptions: RunOptions = {}): Promise<number> {
    const { alias = "", preface = "", fresh = false } = runOptions;
    if (fresh && !isOpen) return Promise.resolve(1);
    return block(alias || directive, (it, output) => {
      if (alias !== "") output(`Running: ${directive}\n`);
      if (preface !== "") output(preface);
      if (!fresh || !isStopped()) return it.run(directive, output);
      // Only then: it ends all that carries the job's cookie.
      return ended.then(() =>
        runInFreshSession({ createExecutor, env: request.env, directive, output, signal: killing.signal }),
      );
    });
  }

  /** A block of the log around work of the executor. What that throws closes the block with 1. */
  async function block(
    directive: string,
    work: (executor: Executor, output: Output) => number | Promise<number>,
  ): Promise<number> {
    return attempt((it) => log.command(directive, (output) => work(it, output)));
  }

  async function attempt(work: (executor: Executor) => Promise<number>): Promise<number> {
    if (!executor) return 1;
    try {
      return await work(executor);
    } catch (error) {
      logger.error(toMessage(error));
      return 1;
    }
  }

  /** Shows in the log why the job cannot go on. */
  async function fail(directive: string, error: unknown): Promise<false> {
    if (isStopped()) return false;
    logger.error(toMessage(error));
    await log.command(directive, (output) => {
      output(`${toMessage(error)}\n`);
      return 1;
    });
    return false;
  }

  /** Tells notices. The host has logged what they threw; what else goes wrong there must not cost the job. */
  async function call(...[name, event]: Parameters<Host["call"]>): Promise<void> {
    try {
      await untilKilled(host.call(name, event));
    } catch (error) {
      logger.error(toMessage(error));
    }
  }

  /** What a plugin does is waited for until somebody kills the job. */
  function untilKilled(work: Promise<void>): Promise<void> {
    return Promise.race([work, killed.promise]);
  }

  function sessionEvent(): JobSessionEvent {
    return { job: request, log, run: runCommand };
  }

  function kill(): void {
    killing.abort();
    stop(0);
  }

  function stop(graceMs: number, why?: string): void {
    stopping.abort(why);
    if (executor) ended = executor.stop(graceMs).catch((error: unknown) => logger.error(toMessage(error)));
  }

  return { run, stop: (why) => stop(stopGraceMs, why), kill, killed: killing.signal };
}
