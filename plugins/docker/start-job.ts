import { AgentError, type ExecutorContext, type RegistryLogin, toMessage } from "signalman";
import { createJobNetwork } from "./containers/create.ts";
import { toMounts } from "./containers/mounts.ts";
import type { Engine } from "./engine/engine.ts";
import { setUpHost } from "./host-setup.ts";
import { startContainers } from "./start-containers.ts";
import type { StartOptions } from "./started-job.ts";

/**
 * Starts a job's containers and its shell. Resolves to 0, or to another code when the job's log says why. When it resolves or rejects, no call
 * that creates something is under way any more.
 */
export async function startJob(start: StartOptions, signal: AbortSignal): Promise<number> {
  const { context, options, place, connect } = start;
  const { job } = context;
  if (job.containers.length === 0)
    throw new AgentError(
      "JOB_INVALID",
      "the job names no container (expected one at least in compose.containers)",
    );
  await setUpHost(context, signal);
  const engine = await connect();
  const mounts = toMounts(options, engine.endpoint, context);
  signal.throwIfAborted();
  start.onStarted({ engine });

  engine.cgroups().catch(() => {});
  // The network takes as long as everything else together, so that it begins first.
  const network = createJobNetwork(engine, place);
  network.catch(() => {});
  try {
    const logins = await logIntoRegistries(context, engine, signal);
    if (logins === undefined) return 1;
    const isPulled = await pullAll({ ...start, engine, logins }, signal);
    if (!isPulled) return 1;
    return await context.log.command("Starting the docker image...", async (output) => {
      try {
        await network;
        await startContainers({ ...start, engine, mounts, output }, signal);
        return 0;
      } catch (error) {
        if (!signal.aborted) output(`Failed to start the docker image\n${toMessage(error)}\n`);
        return 1;
      }
    });
  } finally {
    await network.catch(() => {});
  }
}

/** `undefined`: the job's log says what is wrong. */
async function logIntoRegistries(
  context: ExecutorContext,
  engine: Engine,
  signal: AbortSignal,
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
  start: StartOptions & { engine: Engine; logins: readonly RegistryLogin[] },
  signal: AbortSignal,
): Promise<boolean> {
  const { context, options, engine, logins } = start;
  const images = context.job.containers.map(({ image }) => image);
  const { imagePulled } = context;
  const code = await context.log.command("Pulling docker images...", (output) =>
    unlessStopped(signal, async () => {
      const { pullImages } = await import("./images/pull.ts");
      return pullImages({ engine, images, logins, options, output, imagePulled, signal });
    }),
  );
  return code === 0;
}

/** The exit code of a step. A stop ends it without a word of its own. */
async function unlessStopped(signal: AbortSignal, step: () => Promise<boolean>): Promise<number> {
  try {
    return (await step()) ? 0 : 1;
  } catch (error) {
    if (signal.aborted) return 1;
    throw error;
  }
}
