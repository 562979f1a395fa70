import { AgentError } from "../../core/errors.ts";
import type { Executor, ExecutorContext, VariableScope } from "../../core/contracts/executor.ts";
import type { Output } from "../../core/contracts/job-log.ts";
import type { JobFile } from "../../core/contracts/job-request.ts";
import { type DecodedVariable, decodeVariables, quote, toExportFile } from "../session/environment.ts";
import { createCommandVariables } from "./command-variables.ts";
import { type Explain, runExplained } from "./explain.ts";
import { createJobLife, type Ending, type Opening, type OpenJob } from "./job-life.ts";
import { createSideSessions, type SideShell } from "./side-sessions.ts";

/** What differs between executors: where the session is, how bytes get there, and how it ends. */
export interface SessionExecutorParts<Job extends OpenJob> {
  /**
   * Prepares the place and opens the session. Resolves to another code than 0 when the log already shows the
   * reason. After an abort its outcome is ignored; `end` receives a job that was opened nevertheless.
   */
  open(opening: Opening): Promise<Job | number>;
  /**
   * Puts an export file where the session can read it, calls `source` with its path, and resolves to its exit
   * code, or to another one when something fails afterwards.
   */
  bring(
    job: Job,
    file: Uint8Array,
    calls: { readonly source: (path: string) => Promise<number>; readonly output: Output },
  ): Promise<number>;
  /** Writes the files and resolves to the exit code of the first one that fails. */
  inject(job: Job, files: readonly JobFile[], output: Output): Promise<number>;
  /** Called before each command; see {@link Explain}. Left out: the output is what the command printed. */
  explain?(job: Job): Explain;
  /** See `Executor.putAnswer`. The session's option `answers` names the directory. */
  putAnswer?(job: Job, name: string, content: Uint8Array): Promise<void>;
  /**
   * Ends what the job runs. Called once, after `open` has settled, also when the start failed or never began:
   * then without a job.
   */
  end(job: Job | undefined, ending: Ending): Promise<void>;
  /**
   * Says where a further shell opens beside the running one: as the same user, behind the same command prefix,
   * with the same limits. `number` counts the shells of the job, for names of files. Left out: none can be
   * opened.
   */
  beside?(job: Job, number: number): SideShell;
  /** Order in which exported variables are reported. Default: `name`. */
  readonly exportOrder?: "name" | "request";
}

/**
 * Creates an executor whose commands run in one session. It owns the states of the job: the start, the stop,
 * the disposal, and the races between them, which end as the table of `Executor` says.
 *
 * @param createParts is called at once. `resources` are disposed with the executor, the last one first, after
 *   the job has ended.
 */
export function createSessionExecutor<Job extends OpenJob>(
  { options, journal }: Pick<ExecutorContext, "options" | "journal">,
  createParts: (resources: AsyncDisposableStack) => SessionExecutorParts<Job>,
): Executor {
  const resources = new AsyncDisposableStack();
  const parts = createParts(resources);
  const sides = createSideSessions<Job>(parts, () => life.findRunning());
  const end = async (job: Job | undefined, ending: Ending) => {
    // Their shells ignore SIGTERM and would use up the grace period.
    await sides.close();
    await parts.end(job, ending);
  };
  const life = createJobLife({ open: parts.open, end }, () => resources.disposeAsync());
  const { attempt, isStopped } = life;
  // Whether variables of a command are to be restored is known to the shell of a continued session.
  const variables = createCommandVariables(journal !== undefined && journal.left.length > 0);

  function run(job: Job, directive: string, output: Output, continues = false): Promise<number> {
    const { session } = job;
    const runTo = (to: Output) => session.run(directive, to, { continues });
    const explain = session.alive ? parts.explain?.(job) : undefined;
    return explain ? runExplained({ session, run: runTo, explain, output, isStopped }) : runTo(output);
  }

  async function exportSilently(
    { session }: Job,
    decoded: readonly DecodedVariable[],
    { output, scope }: { readonly output: Output; readonly scope: VariableScope },
  ): Promise<number> {
    const code = session.alive ? await variables.export(session, decoded, scope) : 1;
    // The shell's last output belongs to the command that does not run.
    if (!session.alive) return session.run("", output);
    return isStopped() ? 1 : code;
  }

  return {
    start: life.start,
    exportEnvironment: (env, output, exportOptions) =>
      attempt(async (job) => {
        const lines = exportOptions?.silent ? () => {} : output;
        const decoded = decodeVariables(env, lines, { order: parts.exportOrder ?? "name" });
        if (decoded === undefined) return 1;
        if (exportOptions?.scope !== "command") sides.exported(decoded);
        if (exportOptions?.silent) return exportSilently(job, decoded, { output, ...exportOptions });
        if (!job.session.alive) return 1;
        await variables.restore(job.session);
        const source = (path: string) => run(job, `source ${quote(path)}`, output);
        const code = await parts.bring(job, toExportFile(decoded), { source, output });
        return isStopped() ? 1 : code;
      }),
    injectFiles: (files, output) =>
      attempt(async (job) => {
        await variables.restore(job.session);
        const code = await parts.inject(job, files, output);
        return isStopped() ? 1 : code;
      }),
    run: (directive, output, runOptions) =>
      attempt((job) => {
        const work = () => {
          if (runOptions?.silent) return job.session.run(directive, output, runOptions);
          variables.commandBegins();
          return run(job, directive, output, runOptions?.continues);
        };
        // The variables of a command that is continued are set already.
        return variables.isOver && !runOptions?.continues
          ? variables.restore(job.session).then(work)
          : work();
      }),
    stop(graceMs) {
      const stopped = life.stop(graceMs);
      void sides.close();
      return stopped;
    },
    ...(parts.beside && { openSession: sides.open }),
    usage: life.usage,
    ...(parts.putAnswer && {
      async putAnswer(name, content) {
        const put = async (job: Job) => {
          await parts.putAnswer!(job, name, content);
          return 0;
        };
        if ((await attempt(put)) !== 0) throw new AgentError("SESSION_FAILED", "the job's session has ended");
      },
    }),
    [Symbol.asyncDispose]: () => life.dispose(options.stopGraceMs),
  };
}
