import type { Executor, ExecutorContext, Output } from "signalman";
import {
  becomeSubReaper,
  createJobProcesses,
  startReaper,
  type UsageWatch,
  watchUsage,
  type LocalTerminal,
  type Session,
  toUserEnvironment,
} from "signalman/terminal";
import { createBashProfile } from "./bash-profile.ts";
import { createGroup } from "./control-group.ts";
import { createExportFiles } from "./export-files.ts";
import { endJob } from "./end-job.ts";
import { injectFile } from "./inject-file.ts";
import { runWithOomNotice } from "./oom-notice.ts";
import { followShell, openSession, prepareSession } from "./open-session.ts";

export interface ShellExecutorOptions {
  readonly startTimeoutMs: number;
  readonly keepProcesses: readonly string[];
  /** Whether later login shells on this host get the job's variables. Default: no. */
  readonly sourcesInProfile?: boolean;
}

/** The parts of a job's context that the executor uses. */
export type ShellContext = Pick<
  ExecutorContext,
  "cookie" | "controlGroup" | "environment" | "directory" | "options" | "logger" | "commandPrefix"
>;

/** Runs a job in one login bash on this host (protocol section 6.2). */
export function createShellExecutor(context: ShellContext, options: ShellExecutorOptions): Executor {
  const { cookie, logger } = context;
  const { user } = context.options;
  const environment = toUserEnvironment(user, context.environment);
  const group = createGroup(context);
  const cleanup = new AsyncDisposableStack();
  const ofJob = { cookie, uid: user?.uid, keep: options.keepProcesses, group };
  const processes = cleanup.use(createJobProcesses(ofJob));
  const exportFiles = cleanup.use(createExportFiles(context.directory, user));
  const stopStart = new AbortController();
  const now = new AbortController();
  const ending = { processes, user, logger, now: now.signal };
  const home = user?.home ?? context.options.home ?? (environment["HOME"] || "/");
  const profile = createBashProfile(home, options.sourcesInProfile, user);
  let session: Session<LocalTerminal> | undefined;
  let watch: UsageWatch | undefined;
  let shellPid: number | undefined;
  let starting: Promise<unknown> = Promise.resolve();
  let stopped: Promise<void> | undefined;
  let disposed: Promise<void> | undefined;

  async function open(signal: AbortSignal): Promise<void> {
    becomeSubReaper();
    cleanup.use(startReaper());
    const inEnvironment = { ...context, environment };
    const opening = openSession({ ...options, context: inEnvironment, processes, cleanup }, signal);
    // The shell starts meanwhile.
    watch = cleanup.use(watchUsage({ group }));
    const opened = await opening;
    session = opened.session;
    await prepareSession(session, context, signal);
    shellPid = followShell(opened, processes);
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
      if (file === undefined) return 1;
      return (await shell.run(`source ${file}`, output)) || profile.source(file, output);
    },
    async injectFiles(files, output) {
      for (const file of files) {
        if (!session || stopped) return 1;
        const code = injectFile(file, home, output, user);
        if (code !== 0) return code;
      }
      return 0;
    },
    async run(directive, output, runOptions) {
      const current = session;
      if (!current || !watch || stopped) return 1;
      const run = (to: Output) => current.run(directive, to, runOptions);
      if (runOptions?.silent) return run(output);
      const isStopped = () => stopped !== undefined;
      return runWithOomNotice({ session: current, watch, output, run, isStopped });
    },
    stop(graceMs) {
      stopStart.abort();
      if (!stopped) watch?.look();
      else setTimeout(() => now.abort(), graceMs).unref();
      stopped ??= starting.then(() => endJob({ ...ending, session, shellPid, graceMs }));
      return stopped;
    },
    usage: async () => watch?.usage() ?? {},
    async [Symbol.asyncDispose]() {
      disposed ??= shell.stop(context.options.stopGraceMs).finally(() => cleanup.disposeAsync());
      await disposed;
    },
  };
  return shell;
}
