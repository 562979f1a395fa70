import { type Executor, type ExecutorContext, type JobUsage, type Output, toMessage } from "signalman";
import { decodeVariables, type SessionRunOptions, toExportFile } from "signalman/terminal";
import type { DockerConfig } from "./config.ts";
import { removeCgroups } from "./cgroup/job-cgroup.ts";
import { createPlace, type JobPlace, labels } from "./containers/place.ts";
import { removeAtLast } from "./containers/remove.ts";
import { connectEngine } from "./engine/engine.ts";
import { findEndpoint } from "./engine/endpoint.ts";
import { endJob } from "./session/end-job.ts";
import { runAndExplain } from "./session/explain.ts";
import { injectFiles } from "./session/inject-file.ts";
import { withSecretFile } from "./session/secret-file.ts";
import { startJob } from "./start-job.ts";
import type { StartedJob } from "./started-job.ts";

/** A job in containers: its shell in the first one, the others beside it (protocol section 6.3). */
export function createDockerExecutor(context: ExecutorContext, options: DockerConfig): Executor {
  const place = createPlace({ agentId: context.agentId, jobId: context.job.id });
  const engineTimeoutMs = options["engine-timeout"] * 1000;
  const stopStart = new AbortController();
  const now = new AbortController();
  const started: Partial<StartedJob> = {};
  let starting: Promise<unknown> = Promise.resolve();
  let stopped: Promise<void> | undefined;

  const isStopped = () => stopped !== undefined;
  const connect = () => connectEngine(findEndpoint(context.environment), { timeoutMs: engineTimeoutMs });
  const onStarted = (job: Partial<StartedJob>) => void Object.assign(started, job);

  /** What a call works with, unless the job has been stopped, or never started. */
  function running(): StartedJob | undefined {
    return started.session && !isStopped() ? (started as StartedJob) : undefined;
  }

  /** Does something in the container; a container that is gone meanwhile answers 1. */
  async function attempt(work: (job: StartedJob) => Promise<number>): Promise<number> {
    const job = running();
    if (!job) return 1;
    try {
      return await work(job);
    } catch (error) {
      if (running() && job.session.alive) throw error;
      return 1;
    }
  }

  const runCommand = (directive: string, output: Output, runOptions?: SessionRunOptions) =>
    attempt((job) => {
      const run = (to: Output) => job.session.run(directive, to, runOptions);
      return runOptions?.silent ? run(output) : runAndExplain({ ...job, output, run, isStopped });
    });

  const docker: Executor = {
    async start(signal) {
      if (stopped) return 1;
      const either = AbortSignal.any([signal, stopStart.signal]);
      const opening = startJob({ context, options, place, connect, onStarted }, either);
      starting = opening.catch(() => {});
      try {
        const code = await opening;
        return either.aborted ? 1 : code;
      } catch (error) {
        if (either.aborted) return 1;
        throw error;
      }
    },
    exportEnvironment: (env, output) =>
      attempt(async ({ keepers, session }) => {
        const variables = decodeVariables(env, output);
        if (variables === undefined || !session.alive) return 1;
        return withSecretFile(keepers.put, ({ write }) =>
          runCommand("", output, { putCommand: () => write(toExportFile(variables)) }),
        );
      }),
    injectFiles: (files, output) =>
      attempt(async ({ session, keepers: { put } }) => {
        const code = await injectFiles(files, { session, put, output });
        return running() ? code : 1;
      }),
    run: runCommand,
    stop(graceMs) {
      stopStart.abort();
      if (stopped) setTimeout(() => now.abort(), graceMs).unref();
      stopped ??= starting.then(() =>
        removeJob(started, { place, logger: context.logger, engineTimeoutMs, graceMs, now: now.signal }),
      );
      return stopped;
    },
    usage: async () => {
      if (running()?.session.alive) await started.usage?.look();
      const used = started.usage?.read() ?? {};
      return { ...used, ...addKills(used, started.serviceEnds?.oomKills) };
    },
    [Symbol.asyncDispose]: () => docker.stop(context.options.stopGraceMs),
  };
  return docker;
}

/** Kills in services are counted apart from the figures of their containers. */
function addKills({ oomKills }: JobUsage, inServices = 0): JobUsage {
  return oomKills === undefined ? {} : { oomKills: oomKills + inServices };
}

interface RemoveJobOptions extends Pick<ExecutorContext, "logger"> {
  readonly place: JobPlace;
  readonly engineTimeoutMs: number;
  readonly graceMs: number;
  readonly now: AbortSignal;
}

/** Ends the job's processes, and removes all that it has in the engine. Never rejects: the agent's next start removes what is left. */
async function removeJob(job: Partial<StartedJob>, options: RemoveJobOptions): Promise<void> {
  const { engine, session, keepers, usage, heartbeat } = job;
  const { place, logger, engineTimeoutMs, graceMs, now } = options;
  if (!engine) return;
  if (session?.alive && keepers) {
    const keeper = await keepers.current().catch(() => undefined);
    await usage?.look();
    if (keeper) await endJob({ session, keeper, logger, graceMs, now });
  }
  keepers?.close();
  const instance = `${labels.instance}=${place.labels[labels.instance]}`;
  try {
    await removeAtLast(engine, { labels: [instance], logger, patienceMs: engineTimeoutMs });
    if (job.cgroup) await removeCgroups((name) => name === place.cgroupName, logger);
  } catch (error) {
    logger.warn(`containers of the job may be left: ${toMessage(error)}`);
  }
  heartbeat?.[Symbol.dispose]();
  usage?.[Symbol.dispose]();
  await session?.[Symbol.asyncDispose]();
}
