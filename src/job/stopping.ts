import { onAbort, untilAborted } from "../core/aborted.ts";
import type { Executor } from "../core/contracts/executor.ts";
import type { HookTurn, Host } from "../core/contracts/host.ts";
import type { JobEventBase, JobStoppingEvent } from "../core/contracts/hooks.ts";
import type { JobLog, Output } from "../core/contracts/job-log.ts";
import type { Logger } from "../core/contracts/logger.ts";
import type { StopCause } from "../core/contracts/stop-cause.ts";
import { toMessage } from "../core/errors.ts";
import { toStopError } from "../core/stop-cause.ts";
import type { WritableJobLog } from "./log/job-log.ts";

/** Milliseconds for which a listener is awaited after its signal has aborted. */
const returnMs = 1000;

export interface StoppingOptions {
  readonly host: Pick<Host, "call">;
  /** The fields that every event of the job has. */
  readonly event: JobEventBase;
  readonly cause: StopCause;
  /** Milliseconds that all listeners have together. */
  readonly budgetMs: number;
  /** Aborts when the job is killed. */
  readonly killed: AbortSignal;
  readonly log: Pick<WritableJobLog, "beside">;
  readonly logger: Logger;
  readonly executor: Executor;
  /** Receives what the job's log must tell of a listener. */
  readonly onFault: (fault: string) => void;
}

/**
 * Calls the plugins that act before a job is stopped. Resolves when the job's processes may be ended: when all
 * listeners have returned, their time is over, or the job is killed. Never rejects.
 */
export async function callBeforeStop(options: StoppingOptions): Promise<void> {
  const { host, killed, logger, onFault } = options;
  const endsAt = performance.now() + options.budgetMs;
  const source = (plugin: string) => createTurn(options, plugin, 0).event;
  const calling = host.call("job:stopping", source, ({ plugin, timeoutMs = options.budgetMs }) => {
    const budgetMs = Math.min(timeoutMs, Math.round(endsAt - performance.now()));
    if (killed.aborted) return undefined;
    if (budgetMs > 0) return createTurn(options, plugin, budgetMs);
    onFault(`plugin "${plugin}" could not act before the stop: the time of stop-hook-timeout is over`);
    return undefined;
  });
  await untilAborted(
    killed,
    calling.catch((error: unknown) => logger.error(toMessage(error))),
  );
}

/** Gives one listener its time. When it is over, the commands that the listener runs are ended. */
function createTurn(options: StoppingOptions, plugin: string, budgetMs: number): HookTurn<JobStoppingEvent> {
  const { cause, killed, onFault } = options;
  const ending = new AbortController();
  const { signal } = ending;
  const log = limitLog(options.log.beside({ kind: "plugin", plugin }), signal);
  const end = () => ending.abort(toStopError(cause));
  const timer = setTimeout(end, budgetMs);
  const listener = onAbort(killed, () => ending.abort(killed.reason));
  return {
    event: {
      ...options.event,
      signal,
      cause,
      budgetMs,
      log,
      async run(directive, { alias = "" } = {}) {
        if (signal.aborted) return 1;
        return log.command(alias || directive, (output) => {
          if (alias !== "") output(`Running: ${directive}\n`);
          return runBeside(options, { directive, output, signal });
        });
      },
    },
    timeoutMs: budgetMs + returnMs,
    end(error) {
      clearTimeout(timer);
      listener[Symbol.dispose]();
      end();
      if (error !== undefined) onFault(toMessage(error));
    },
  };
}

/** Returns a view of the log whose blocks end when the signal aborts, whatever a plugin still writes into them. */
function limitLog(log: JobLog, signal: AbortSignal): JobLog {
  return {
    command: (title, work) =>
      log.command(title, async (output) => {
        const writing = (async () => work((chunk) => signal.aborted || output(chunk)))();
        writing.catch(() => {});
        return (await untilAborted(signal, writing)) ?? 1;
      }),
  };
}

/** Runs a command in a session of its own beside the running one. Resolves to 1 when the signal aborts. */
async function runBeside(
  { executor, event, logger }: StoppingOptions,
  command: { readonly directive: string; readonly output: Output; readonly signal: AbortSignal },
): Promise<number> {
  const { directive, output, signal } = command;
  if (!executor.openSession) {
    output(
      `[signalman: executor "${event.job.executor}" has one session only, so that the command does not run]\n`,
    );
    return 1;
  }
  const opening = executor.openSession({ signal });
  try {
    const session = await untilAborted(signal, opening);
    const run = session?.run(directive, output);
    run?.catch(() => {});
    return (run && (await untilAborted(signal, run))) ?? 1;
  } catch (error) {
    if (!signal.aborted) output(`[signalman: ${toMessage(error)}]\n`);
    return 1;
  } finally {
    opening
      .then((session) => session[Symbol.asyncDispose]())
      .catch((error: unknown) => logger.debug(`a session beside the job's: ${toMessage(error)}`));
  }
}
