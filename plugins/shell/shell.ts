import { join } from "node:path";
import type { Executor, ExecutorContext } from "signalman";
import {
  becomeSubReaper,
  createJobProcesses,
  createSessionExecutor,
  type Explain,
  type LocalTerminal,
  type Opening,
  quote,
  type Session,
  startReaper,
  toMemorySentence,
  toUserEnvironment,
  type UsageWatch,
  watchUsage,
} from "signalman/executor";
import { createBashProfile } from "./bash-profile.ts";
import { createGroup } from "./control-group.ts";
import { endJob } from "./end-job.ts";
import { createExportFiles } from "./export-files.ts";
import { createHostWriter, injectFiles } from "./inject-file.ts";
import { createSessionWriter } from "./session-writer.ts";
import { writePrivateFile } from "./private-file.ts";
import { followShell, openSession, prepareSession } from "./open-session.ts";
import { createSideShell } from "./side-shell.ts";

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

interface ShellJob {
  readonly session: Session<LocalTerminal>;
  readonly shellPid: number;
  readonly watch: UsageWatch;
}

/** Runs a job in one login bash on this host (protocol section 6.2). */
export function createShellExecutor(context: ShellContext, options: ShellExecutorOptions): Executor {
  const { cookie, logger } = context;
  const { user } = context.options;
  const isPrefixed = (context.commandPrefix ?? []).length > 0;
  const environment = toUserEnvironment(user, context.environment);
  const group = createGroup(context);
  const home = user?.home ?? context.options.home ?? (environment["HOME"] || "/");
  const profile = createBashProfile(home, options.sourcesInProfile, user);

  return createSessionExecutor<ShellJob>(context, (resources) => {
    const ofJob = { cookie, uid: user?.uid, keep: options.keepProcesses, group };
    const processes = resources.use(createJobProcesses(ofJob));
    const exportFiles = resources.use(createExportFiles(context.directory, { user, isPrefixed }));

    const place = { ...options, context: { ...context, environment }, processes };

    async function open({ signal, measure }: Opening): Promise<ShellJob> {
      becomeSubReaper();
      resources.use(startReaper());
      const opening = openSession({ ...place, resources }, signal);
      // The shell starts at the same time.
      const watch = resources.use(watchUsage({ group }));
      measure({ look: () => watch.look(), read: () => watch.usage() });
      const opened = await opening;
      const { session } = opened;
      try {
        await prepareSession(session, context, signal);
      } catch (error) {
        await session[Symbol.asyncDispose]();
        throw error;
      }
      return { session, shellPid: followShell(opened, processes), watch };
    }

    return {
      open,
      async bring(_, file, { source, output }) {
        const path = exportFiles.write(file);
        return (await source(path)) || profile.source(quote(path), output);
      },
      inject: ({ session }, files, output) => {
        const toSession = { session, directory: context.directory, user };
        const write = isPrefixed ? createSessionWriter(toSession, output) : createHostWriter(user);
        return injectFiles(files, { home, output, write });
      },
      putAnswer: async (_, name, content) =>
        writePrivateFile(join(context.directory, name), content, { user }),
      explain: ({ watch }) => explainKill(watch),
      beside: (_, number) => createSideShell(place, number),
      end: (shell, ending) => endJob({ ...ending, shell, processes, user, logger }),
    };
  });
}

function explainKill(watch: UsageWatch): Explain {
  const diedOfMemory = watch.beginCommand();
  return ({ killed }) => (killed && diedOfMemory() ? [toMemorySentence(killed)] : []);
}
