import type Docker from "dockerode";
import { AgentError, type ExecutorContext, type Output, type RegistryLogin, toMessage } from "signalman";
import type { Session } from "signalman/terminal";
import type { DockerConfig } from "./config.ts";
import { createContainer, createJobNetwork } from "./containers/create.ts";
import { toMounts } from "./containers/mounts.ts";
import type { JobPlace } from "./containers/place.ts";
import { type Service, waitForServices } from "./containers/services.ts";
import { type ContainerSettings, toServiceSpec, toSessionSpec } from "./containers/spec.ts";
import { type ContainerUsage, createContainerUsage } from "./containers/usage.ts";
import type { Engine } from "./engine/engine.ts";
import { startHeartbeat } from "./engine/heartbeat.ts";
import { setUpHost } from "./host-setup.ts";
import type { ContainerTerminal } from "./session/container-terminal.ts";
import { openSession } from "./session/open-session.ts";
import { createKeepers, type Keepers } from "./session/put-bytes.ts";

/** What a job has once it has started. */
export interface StartedJob {
  readonly engine: Engine;
  readonly container: Docker.Container;
  readonly session: Session<ContainerTerminal>;
  readonly keepers: Keepers;
  readonly usage: ContainerUsage;
  readonly heartbeat: Disposable;
}

export interface StartOptions {
  readonly context: ExecutorContext;
  readonly options: DockerConfig;
  readonly place: JobPlace;
  readonly connect: () => Promise<Engine>;
  /** Gets what has been started, as it is. */
  readonly onStarted: (job: Partial<StartedJob>) => void;
}

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
  const mounts = toMounts(options, engine.endpoint, context.logger);
  signal.throwIfAborted();
  start.onStarted({ engine });

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

async function startContainers(
  start: StartOptions & { engine: Engine; mounts: ReturnType<typeof toMounts>; output: Output },
  signal: AbortSignal,
): Promise<void> {
  const { context, options, place, engine, output, onStarted } = start;
  const [first, ...others] = context.job.containers;
  const settings: ContainerSettings = {
    place,
    options,
    limits: context.options.limits,
    environment: context.environment,
  };
  const usage = createContainerUsage(engine);
  onStarted({ usage });
  const starting = whenAllSettled(
    others.map(async ({ name }, index): Promise<Service> => {
      const container = await createContainer(
        engine,
        others[index]!,
        toServiceSpec(others[index]!, settings),
      );
      signal.throwIfAborted();
      await engine.call(`start container "${name}"`, container.start());
      usage.addService(container);
      return { name, container };
    }),
  );
  output("Starting a new bash session.\n");
  const opening = openShell({ ...start, first: first!, settings, usage }, signal);
  await Promise.allSettled([starting, opening]);
  const services = await starting;
  await opening;
  await waitForServices(services, { engine, output, timeoutMs: options["service-timeout"] * 1000, signal });
}

async function openShell(
  start: Parameters<typeof startContainers>[0] & {
    first: ExecutorContext["job"]["containers"][number];
    settings: ContainerSettings;
    usage: ContainerUsage;
  },
  signal: AbortSignal,
): Promise<void> {
  const { context, options, engine, mounts, first, settings, usage, onStarted } = start;
  let keepers: Keepers | undefined;
  const opened: { session?: Session<ContainerTerminal> } = {};
  const session = await openSession(
    {
      engine,
      context,
      image: first.image,
      startTimeoutMs: options["start-timeout"] * 1000,
      create: async (command) => {
        const spec = toSessionSpec(first, settings, { command, mounts });
        const container = await createContainer(engine, first, spec);
        keepers = createKeepers(engine, container, () => opened.session?.shellPid ?? 0);
        onStarted({ container, keepers });
        return container;
      },
      put: (path, bytes) => keepers!.put(path, bytes),
    },
    signal,
  );
  opened.session = session;
  const keeper = await keepers!.current();
  session.terminal.onSettle = () =>
    void keepers
      ?.current()
      .then((each) => each.settle())
      .catch(() => {});
  usage.setReader(async () => (await keepers!.current()).readAccounting());
  // Without its terminal the session is dead, and what runs in it is told why.
  const heartbeat = startHeartbeat(engine, () => void session.terminal[Symbol.asyncDispose]());
  onStarted({ session, heartbeat });
  if (session.shellPid > 0) await keeper.watch(session.shellPid);
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

/** As `Promise.all`, but nothing is under way any more when it rejects. */
async function whenAllSettled<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
