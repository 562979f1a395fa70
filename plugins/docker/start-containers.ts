import type Docker from "dockerode";
import type { ExecutorContext, Output } from "signalman";
import type { Session } from "signalman/terminal";
import { createJobCgroup, type JobCgroup } from "./cgroup/job-cgroup.ts";
import { createContainer } from "./containers/create.ts";
import { createServiceEnds } from "./containers/service-ends.ts";
import { type Service, waitForServices } from "./containers/services.ts";
import { type ContainerSettings, type HostMount, toServiceSpec, toSessionSpec } from "./containers/spec.ts";
import { type ContainerUsage, createContainerUsage } from "./containers/usage.ts";
import type { Engine } from "./engine/engine.ts";
import { startHeartbeat } from "./engine/heartbeat.ts";
import type { ContainerTerminal } from "./session/container-terminal.ts";
import { openSession } from "./session/open-session.ts";
import { createKeepers, type Keepers } from "./session/put-bytes.ts";
import type { StartOptions } from "./started-job.ts";

export interface StartContainersOptions extends StartOptions {
  readonly engine: Engine;
  readonly mounts: readonly HostMount[];
  readonly output: Output;
}

/** Starts all containers of a job and the shell in the first one, and waits until its services are ready. */
export async function startContainers(start: StartContainersOptions, signal: AbortSignal): Promise<void> {
  const { context, options, place, engine, output, onStarted } = start;
  const [first, ...others] = context.job.containers;
  const cgroup = await openJobCgroup(start);
  const settings: ContainerSettings = {
    place,
    options,
    limits: context.options.limits,
    ...(cgroup && { cgroupParent: cgroup.parent }),
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
  const session = await opening;
  if (cgroup && !cgroup.holds(session.id))
    warnOfLimits(context, `the engine does not use "${cgroup.parent}"`);
  const countKills = (id: string) => cgroup?.countOomKills(id);
  onStarted({ serviceEnds: createServiceEnds(engine, services, countKills) });
  await waitForServices(services, { engine, output, timeoutMs: options["service-timeout"] * 1000, signal });
}

async function openShell(
  start: StartContainersOptions & {
    first: ExecutorContext["job"]["containers"][number];
    settings: ContainerSettings;
    usage: ContainerUsage;
  },
  signal: AbortSignal,
): Promise<Docker.Container> {
  const { context, options, engine, mounts, first, settings, usage, onStarted } = start;
  let keepers: Keepers | undefined;
  const opened: { session?: Session<ContainerTerminal>; container?: Docker.Container } = {};
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
        opened.container = container;
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
  // Without cgroups of its own a container sees the figures of the whole host.
  if ((await engine.cgroups()).driver !== "none")
    usage.setReader(async () => (await keepers!.current()).readAccounting());
  // Without its terminal the session is dead, and what runs in it is told why.
  const heartbeat = startHeartbeat(engine, () => void session.terminal[Symbol.asyncDispose]());
  onStarted({ session, heartbeat });
  if (session.shellPid > 0) await keeper.watch(session.shellPid);
  return opened.container!;
}

/** Several containers with limits need a cgroup around them, so that the limits hold for all together. */
async function openJobCgroup({
  context,
  engine,
  place,
  onStarted,
}: StartOptions & { engine: Engine }): Promise<JobCgroup | undefined> {
  const { limits } = context.options;
  const { logger, job } = context;
  if (Object.values(limits).every((limit) => limit === undefined)) return undefined;
  if ((await engine.cgroups()).driver === "none")
    return void logger.warn(`the job has no limits: the engine at "${engine.endpoint.host}" has no cgroups`);
  if (job.containers.length === 1) return undefined;
  const cgroup = await createJobCgroup(engine, { place, limits });
  if (typeof cgroup === "string") return void warnOfLimits(context, cgroup);
  onStarted({ cgroup });
  return cgroup;
}

function warnOfLimits({ logger }: ExecutorContext, reason: string): void {
  logger.warn(`the job's limits hold for each of its containers, not for all together: ${reason}`);
}

/** As `Promise.all`, but nothing is under way any more when it rejects. */
async function whenAllSettled<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
