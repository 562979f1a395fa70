import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { AgentError, type Executor, type ExecutorContext, type Output } from "signalman";
import {
  becomeSubReaper,
  createJobProcesses,
  createSession,
  openLocalTerminal,
  quote,
  startGuard,
  startReaper,
  watchUsage,
  type LocalTerminal,
  type Session,
} from "signalman/terminal";
import { createExportFiles } from "./export-files.ts";
import { endJob } from "./end-job.ts";
import { injectFile } from "./inject-file.ts";
import { runAndExplain } from "./killed.ts";
import { givingWay } from "./give-way.ts";
import { offerProgram } from "./offer-program.ts";
import { writePrivate } from "./write-private.ts";

export interface ShellExecutorOptions {
  readonly startTimeoutMs: number;
  readonly keepProcesses: readonly string[];
}

/** What a shell takes of a job's context. */
export type ShellContext = Pick<
  ExecutorContext,
  "cookie" | "environment" | "directory" | "options" | "logger"
>;

/** One login bash on this host, and all that it starts (protocol section 6.2). */
export function createShellExecutor(context: ShellContext, options: ShellExecutorOptions): Executor {
  const processes = createJobProcesses({ cookie: context.cookie, keep: options.keepProcesses });
  const exportFiles = createExportFiles();
  const watch = watchUsage();
  const cleanup = new AsyncDisposableStack();
  cleanup.use(processes);
  cleanup.use(exportFiles);
  cleanup.use(watch);
  const stopStart = new AbortController();
  const now = new AbortController();
  let session: Session<LocalTerminal> | undefined;
  let starting: Promise<unknown> = Promise.resolve();
  let stopped: Promise<void> | undefined;
  let disposed: Promise<void> | undefined;

  const home = context.options.home ?? (context.environment["HOME"] || "/");

  /** 0600 in a directory of 0700, which a job may well have deleted. */
  function putCommand(text: string): string {
    const path = join(context.directory, "command");
    try {
      writePrivate(path, `${text}\n`);
    } catch (error) {
      if (!restoreDirectory()) throw error;
      writePrivate(path, `${text}\n`);
    }
    return path;
  }

  /** A home of its own, made when it is not there. Programs that the profile has set up stay as they are. */
  async function moveTo(home: string, opened: Session, signal: AbortSignal): Promise<void> {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    const code = await opened.run(`export HOME=${quote(home)} && cd -- "$HOME"`, () => {}, { silent: true });
    if (code !== 0 && !signal.aborted)
      throw new AgentError("SESSION_FAILED", `the shell cannot go to the job's home "${home}"`);
  }

  function restoreDirectory(): boolean {
    try {
      mkdirSync(context.directory, { recursive: true, mode: 0o700 });
      chmodSync(context.directory, 0o700);
      return true;
    } catch {
      return false;
    }
  }

  async function open(signal: AbortSignal): Promise<void> {
    becomeSubReaper();
    cleanup.use(startReaper());
    session = await createSession(
      {
        open: (terminal) => {
          const command = givingWay(terminal.command);
          const local = openLocalTerminal({ ...terminal, command, env: context.environment });
          processes.addRoot(local.pid);
          return local;
        },
        putCommand,
        overflow: join(context.directory, "overflow"),
        size: context.options.terminalSize,
        startTimeoutMs: options.startTimeoutMs,
      },
      signal,
    );
    if (context.options.home !== undefined) await moveTo(context.options.home, session, signal);
    await offerProgram(session);
    const { shellPid, terminal } = session;
    processes.addRoot(shellPid);
    cleanup.use(
      startGuard({
        cookie: context.cookie,
        shellPid,
        leaderPid: terminal.pid,
        env: context.environment,
        logger: context.logger,
      }),
    );
  }

  const shell: Executor = {
    async start(signal) {
      if (stopped) return 1;
      const opening = open(AbortSignal.any([signal, stopStart.signal]));
      starting = opening.catch(() => {});
      try {
        await opening;
        return 0;
      } catch (error) {
        if (signal.aborted || stopStart.signal.aborted) return 1;
        throw error;
      }
    },
    async exportEnvironment(env, output) {
      const file = exportFiles.write(env, output);
      return file === undefined ? 1 : shell.run(`source ${file}`, output);
    },
    async injectFiles(files, output) {
      for (const file of files) {
        if (!session || stopped) return 1;
        const code = injectFile(file, home, output);
        if (code !== 0) return code;
      }
      return 0;
    },
    async run(directive, output, runOptions) {
      const current = session;
      if (!current || stopped) return 1;
      const run = (to: Output) => current.run(directive, to, runOptions);
      if (runOptions?.silent) return run(output);
      return runAndExplain({ session: current, watch, output, run, isStopped: () => stopped !== undefined });
    },
    stop(graceMs) {
      stopStart.abort();
      if (!stopped) watch.look();
      else setTimeout(() => now.abort(), graceMs).unref();
      stopped ??= starting.then(() =>
        endJob({ processes, session, logger: context.logger, graceMs, now: now.signal }),
      );
      return stopped;
    },
    usage: async () => watch.usage(),
    async [Symbol.asyncDispose]() {
      disposed ??= shell.stop(context.options.stopGraceMs).finally(() => cleanup.disposeAsync());
      await disposed;
    },
  };
  return shell;
}
