import type { Executor } from "../core/contracts/executor.ts";
import type { RunOptions } from "../core/contracts/hooks.ts";
import type { JobLog, Output } from "../core/contracts/job-log.ts";
import type { BlockSource } from "../core/contracts/job-phases.ts";
import type { EnvironmentVariable, JobFile, JobRequest } from "../core/contracts/job-request.ts";
import type { Logger } from "../core/contracts/logger.ts";
import { untilAborted } from "../core/aborted.ts";
import { toMessage } from "../core/errors.ts";
import type { JobVariables } from "./job-variables.ts";
import type { JobJournal, StepState } from "./journal/job-journal.ts";
import { createServedCommand } from "./journal/served-command.ts";
import { createTextStart } from "../core/text/text-start.ts";
import type { WritableJobLog } from "./log/job-log.ts";
import { runInFreshSession } from "./run-in-fresh-session.ts";
import type { StopControl } from "./stop-control.ts";

export interface JobSessionOptions {
  readonly log: Pick<WritableJobLog, "command" | "continued" | "from">;
  /** Set for a job that another process may continue. Each block is a step of it. */
  readonly journal?: Pick<JobJournal, "begin" | "left"> | undefined;
  readonly logger: Logger;
  /** The variables that plugins set. */
  readonly variables: JobVariables;
  /** `log` gets the blocks that the executor itself adds. */
  readonly createExecutor: (log: JobLog) => Executor;
  readonly stops: Pick<StopControl, "stopped" | "ending" | "killed">;
}

/**
 * A job's executor, with the blocks of the job's log in which it is called. An executor that throws fails its
 * block, and never the caller.
 */
export interface JobSession {
  /** Whether commands can be run. */
  readonly isOpen: boolean;
  /** The executor, once it was created. */
  readonly executor: Executor | undefined;
  /** What the executor has thrown in its last call; `undefined` when it has returned. */
  readonly fault: string | undefined;
  /** Creates the executor and starts it. Rejects with what the executor throws. */
  open(): Promise<boolean>;
  /** Resolves to an exit code, as all calls of the executor. */
  exportVariables(env: readonly EnvironmentVariable[]): Promise<number>;
  injectFiles(files: readonly JobFile[]): Promise<number>;
  /** Runs a command in a block of its own and resolves to its exit code. `source`: what the block belongs to. */
  run(directive: string, source: BlockSource, options?: RunOptions): Promise<number>;
  /** Runs a command without a block and resolves to its output. */
  capture(directive: string): Promise<string>;
  /** Adds a block with this text. */
  addBlock(directive: string, text: string, exitCode: number): Promise<void>;
  stop(graceMs: number): void;
  /** Disposes the executor. */
  close(): Promise<void>;
}

/** Creates the session of a job; nothing is started yet. */
export function createJobSession(request: JobRequest, options: JobSessionOptions): JobSession {
  const { log, logger, createExecutor, variables, stops } = options;
  let executor: Executor | undefined;
  let isOpen = false;
  let fault: string | undefined;
  const served = createServedCommand(options.journal?.left, stops.stopped);
  /** Resolves when the executor has stopped. */
  let ended: Promise<void> = Promise.resolve();

  async function attempt(work: (executor: Executor) => Promise<number>): Promise<number> {
    fault = undefined;
    try {
      return executor ? await work(executor) : 1;
    } catch (error) {
      fault = toMessage(error);
      logger.error(fault);
      return 1;
    }
  }

  const { block, addBlock } = createBlocks(options, attempt);

  async function runFresh(directive: string, output: Output): Promise<number> {
    // Only after the stop has ended: it ends every process with the job's cookie.
    await ended;
    const env = [...request.env, ...variables.env];
    return runInFreshSession({ createExecutor, env, directive, output, signal: stops.killed });
  }

  return {
    get isOpen() {
      return isOpen;
    },
    get executor() {
      return executor;
    },
    get fault() {
      return fault;
    },
    async open() {
      executor = createExecutor(log.from({ kind: "executor" }));
      isOpen = (await executor.start(stops.stopped)) === 0;
      return isOpen;
    },
    exportVariables: (env) =>
      block("Exporting environment variables", (current, output) => current.exportEnvironment(env, output), {
        step: "export",
      }),
    injectFiles: (files) =>
      block("Injecting Files", (current, output) => current.injectFiles(files, output), { step: "files" }),
    async run(directive, source, { alias = "", preface = "", fresh = false } = {}) {
      if (fresh && !isOpen) return 1;
      if (stops.stopped.aborted) await untilEnding(stops);
      const step = source.kind === "command" ? `${source.phase}/${source.index}` : undefined;
      const work = (current: Executor, output: Output, state: StepState): Promise<number> => {
        const continues = state.is === "open";
        if (alias !== "" && !(continues && state.isWithin)) output(`Running: ${directive}\n`);
        if (preface !== "") output(preface);
        if (fresh && stops.stopped.aborted) return runFresh(directive, output);
        const runInSession = (to: Output) =>
          runWithVariables(current, options, { directive, output: to, continues });
        return served(runInSession, output);
      };
      return block(alias || directive, work, { step, source });
    },
    async capture(directive) {
      const start = createTextStart(maxCapturedBytes);
      await attempt((current) => current.run(directive, start.add, { silent: true }));
      return start.text;
    },
    addBlock,
    stop(graceMs) {
      if (!executor) return;
      ended = executor.stop(graceMs).catch((error: unknown) => logger.error(toMessage(error)));
    },
    async close() {
      isOpen = false;
      try {
        await executor?.[Symbol.asyncDispose]();
      } catch (error) {
        logger.error(`executor "${request.executor}" failed to end: ${toMessage(error)}`);
      }
    },
  };
}

/** Adds blocks to the log, each a step of the job. */
function createBlocks(
  { log, journal }: Pick<JobSessionOptions, "log" | "journal">,
  attempt: (work: (executor: Executor) => Promise<number>) => Promise<number>,
) {
  const start = (step: string | undefined): StepState | undefined =>
    step === undefined ? undefined : journal?.begin(step);
  const toAdd = (state: StepState | undefined) => (state?.is === "open" ? log.continued : log.command);
  return {
    /** `step`: the name of what the job does. Left out: nothing that another process could continue. */
    async block(
      directive: string,
      work: (executor: Executor, output: Output, state: StepState) => number | Promise<number>,
      { step, source }: { readonly step?: string | undefined; readonly source?: BlockSource } = {},
    ): Promise<number> {
      const state = start(step);
      if (state?.is === "ended") return state.exitCode;
      return attempt((current) =>
        toAdd(state)(directive, (output) => work(current, output, state ?? { is: "new" }), source),
      );
    },
    async addBlock(directive: string, text: string, exitCode: number): Promise<void> {
      const state = start(`block ${directive}`);
      if (state?.is !== "ended") await toAdd(state)(directive, writing(text, exitCode));
    },
  };
}

/** No further command starts in a job that is stopped: it waits until its processes are ended. */
async function untilEnding({ ending }: JobSessionOptions["stops"]): Promise<void> {
  if (!ending.aborted) await untilAborted(ending);
}

/** The work of a block that has a text and nothing else. */
function writing(text: string, exitCode: number): (output: Output) => number {
  return (output) => {
    output(text);
    return exitCode;
  };
}

/** Runs a command after the variables that wait for it are exported, and not without them. */
function runWithVariables(
  executor: Executor,
  options: Pick<JobSessionOptions, "variables" | "logger" | "stops">,
  command: { readonly directive: string; readonly output: Output; readonly continues: boolean },
): Promise<number> {
  const { directive, output, continues } = command;
  const run = () => executor.run(directive, output, continues ? { continues } : undefined);
  if (!options.variables.isPending) return run();
  return exportVariables(executor, options, output).then((code) => code || run());
}

async function exportVariables(
  executor: Executor,
  { variables, logger, stops }: Pick<JobSessionOptions, "variables" | "logger" | "stops">,
  output: Output,
): Promise<number> {
  for (const { scope, env } of variables.take()) {
    const code = await executor.exportEnvironment(env, output, { silent: true, scope });
    if (code === 0) continue;
    const names = env.map(({ name }) => name).join(", ");
    if (!stops.stopped.aborted) logger.warn(`variables of plugins could not be exported: ${names}`);
    return code;
  }
  variables.exported();
  return 0;
}

/** Maximum size of captured output: the result of a job is one word, but a job can replace any command. */
const maxCapturedBytes = 64 * 1024;
