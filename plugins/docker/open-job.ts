import { AgentError, type ExecutorContext, type RegistryLogin, toMessage } from "signalman";
import { removeCgroups } from "./cgroup/job-cgroup.ts";
import { createJobNetwork } from "./containers/create.ts";
import { toMounts } from "./containers/spec.ts";
import { createJobNames, type JobNames, labels } from "./containers/job-names.ts";
import { removeAll, removeWithRetries } from "./containers/remove.ts";
import { continueJob, findLeftSession } from "./continue-job.ts";
import type { DockerJob, OpenJobOptions } from "./docker-job.ts";
import { findEndpoint } from "./engine/endpoint.ts";
import { connectEngine, type Engine } from "./engine/engine.ts";
import { setUpHost } from "./host-setup.ts";
import { prepareRecording } from "./session/recording.ts";
import { mayHaveCgroup, startContainers } from "./start-containers.ts";

/**
 * Starts a job's containers and its shell. Resolves to 1 when a step has failed and the job's log shows why.
 * All calls that create something have ended when it settles.
 */
export async function openJob(start: OpenJobOptions): Promise<DockerJob | number> {
  const { context, options, resources, signal } = start;
  const { job, environment, agentId } = context;
  if (job.containers.length === 0)
    throw new AgentError(
      "JOB_INVALID",
      "the job has no container (expected at least one in compose.containers)",
    );
  const handle = findLeftSession(context);
  if (!handle) await setUpHost(context, signal);
  const timeoutMs = options["engine-timeout"] * 1000;
  const engine = await connectEngine(findEndpoint(environment), { timeoutMs });
  if (handle) {
    const names = createJobNames({ agentId, jobId: job.id, instance: handle.instance });
    resources.defer(() => removeJob(engine, names, { context, retryMs: timeoutMs }));
    return await continueJob({ ...start, engine, names, handle });
  }
  const waiting = prepareRecording(context, resources);
  if ((context.journal?.owner ?? 1) > 1) await removeEarlier(engine, context);
  const mounts = toMounts(options, engine.endpoint, context);
  signal.throwIfAborted();
  const names = createJobNames({ agentId, jobId: job.id });
  resources.defer(() => removeJob(engine, names, { context, retryMs: timeoutMs }));

  engine.cgroups().catch(() => {});
  // Started first, because it takes as long as all other steps together.
  const network = createJobNetwork(engine, names);
  network.catch(() => {});
  try {
    const logins = await logIntoRegistries(start, engine);
    if (logins === undefined || !(await pullAll(start, engine, logins))) return 1;
    let opened: DockerJob | undefined;
    const code = await context.log.command("Starting the docker image...", async (output) => {
      try {
        await network;
        opened = await startContainers({ ...start, engine, names, mounts, output, waiting });
        return 0;
      } catch (error) {
        if (!signal.aborted) output(`Failed to start the docker image\n${toMessage(error)}\n`);
        return 1;
      }
    });
    return opened ?? code;
  } finally {
    await network.catch(() => {});
  }
}

/** Removes what an earlier process of the job has started, which died before anything of the job ran. */
async function removeEarlier(engine: Engine, { agentId, job, logger }: ExecutorContext): Promise<void> {
  const own = [`${labels.agent}=${agentId}`, `${labels.job}=${job.id}`];
  await removeAll(engine, { labels: own, logger });
}

/**
 * Removes the job's containers, network and cgroup. Never rejects: the agent's next start removes what
 * remains.
 */
async function removeJob(
  engine: Engine,
  names: JobNames,
  { context, retryMs }: { readonly context: ExecutorContext; readonly retryMs: number },
): Promise<void> {
  const { logger } = context;
  const instance = `${labels.instance}=${names.labels[labels.instance]}`;
  try {
    await removeWithRetries(engine, { labels: [instance], logger, retryMs });
    if (mayHaveCgroup(context)) await removeCgroups((name) => name === names.cgroupName, logger);
  } catch (error) {
    logger.warn(`could not remove the containers of the job: ${toMessage(error)}`);
  }
}

/** Resolves to `undefined` when a login has failed; the job's log shows why. */
async function logIntoRegistries(
  { context, signal }: OpenJobOptions,
  engine: Engine,
): Promise<RegistryLogin[] | undefined> {
  if (context.job.imagePullCredentials.length === 0) return [];
  let logins: RegistryLogin[] | undefined;
  await context.log.command("Setting up image pull credentials", (output) =>
    unlessStopped(signal, async () => {
      const { logIn } = await import("./images/log-in.ts");
      logins = await logIn(context, { engine, output, signal });
      return logins !== undefined;
    }),
  );
  return logins;
}

async function pullAll(
  { context, options, signal }: OpenJobOptions,
  engine: Engine,
  logins: readonly RegistryLogin[],
): Promise<boolean> {
  const images = context.job.containers.map(({ image }) => image);
  const { imagePulled, showProgress } = context;
  const code = await context.log.command("Pulling docker images...", (output) =>
    unlessStopped(signal, async () => {
      const { pullImages } = await import("./images/pull.ts");
      return pullImages({ engine, images, logins, options, output, imagePulled, showProgress, signal });
    }),
  );
  return code === 0;
}

/** Resolves to the exit code of a step; after a stop to 1, without output. */
async function unlessStopped(signal: AbortSignal, step: () => Promise<boolean>): Promise<number> {
  try {
    return (await step()) ? 0 : 1;
  } catch (error) {
    if (signal.aborted) return 1;
    throw error;
  }
}
