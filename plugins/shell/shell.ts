import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  becomeSubReaper,
  createJobProcesses,
  createSession,
  openLocalTerminal,
  startReaper,
  type Executor,
  type ExecutorContext,
  type LocalTerminal,
  type Session,
} from "signalman";
import { createExportFiles } from "./export-files.ts";
import { endJob } from "./end-job.ts";
import { startGuard } from "./guard.ts";
import { injectFile } from "./inject-file.ts";
import { givingWay } from "./give-way.ts";
import { writePrivate } from "./write-private.ts";

export interface ShellExecutorOptions {
  readonly startTimeoutMs: number;
  readonly keepProcesses: readonly string[];
}

/** One login bash on this host, and all that it starts (protocol section 6.2). */
export function createShellExecutor(context: ExecutorContext, options: ShellExecutorOptions): Executor {
  const processes = createJobProcesses({ cookie: context.cookie, keep: options.keepProcesses });
  const exportFiles = createExportFiles();
  const cleanup = new AsyncDisposableStack();
  cleanup.use(processes);
  cleanup.use(exportFiles);
  const stopStart = new AbortController();
  const now = new AbortController();
  let session: Session<LocalTerminal> | undefined;
  let starting: Promise<unknown> = Promise.resolve();
  let stopped: Promise<void> | undefined;
  let disposed: Promise<void> | undefined;

  const home = context.environment["HOME"] || "/";

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
      return session && !stopped ? session.run(directive, output, runOptions) : 1;
    },
    stop(graceMs) {
      stopStart.abort();
      if (stopped) setTimeout(() => now.abort(), graceMs).unref();
      stopped ??= starting.then(() =>
        endJob({ processes, session, logger: context.logger, graceMs, now: now.signal }),
      );
      return stopped;
    },
    async [Symbol.asyncDispose]() {
      disposed ??= shell.stop(context.options.stopGraceMs).finally(() => cleanup.disposeAsync());
      await disposed;
    },
  };
  return shell;
}
