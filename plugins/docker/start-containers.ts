import {
  AgentError,
  type ExecutorContext,
  type JobContainer,
  type JobLimits,
  type JobUsage,
  type Output,
} from "signalman";
import {
  caPath,
  readCa,
  sourceToolbox,
  toProvisionVariables,
  type WaitingRecorder,
} from "signalman/executor";
import { createJobCgroup, type JobCgroup } from "./cgroup/job-cgroup.ts";
import { createContainer } from "./containers/create.ts";
import type { JobNames } from "./containers/job-names.ts";
import { createServiceEnds } from "./containers/service-ends.ts";
import { type Service, waitForServices } from "./containers/services.ts";
import { type ContainerSettings, type HostMount, toServiceSpec, toSessionSpec } from "./containers/spec.ts";
import { type ContainerUsage, createContainerUsage } from "./containers/usage.ts";
import type { DockerJob, OpenJobOptions } from "./docker-job.ts";
import type { Engine } from "./engine/engine.ts";
import { type ContainerSession, openSession, watchSession } from "./session/open-session.ts";

export interface StartContainersOptions extends OpenJobOptions {
  readonly engine: Engine;
  readonly names: JobNames;
  readonly mounts: readonly HostMount[];
  readonly output: Output;
  /** Records the output of the shell. */
  readonly waiting: WaitingRecorder | undefined;
}

/** Starts all containers of a job and the shell in the first one, and waits until its services are ready. */
export async function startContainers(start: StartContainersOptions): Promise<DockerJob> {
  const { context, options, resources, measure, engine, output, signal } = start;
  const cgroup = await openJobCgroup(start);
  const usage = resources.use(createContainerUsage(engine));
  measure({ look: () => usage.look(), read: () => usage.read() });
  const settings = toSettings(start, cgroup);
  const starting = startServices(start, settings, usage);
  output("Starting a new bash session.\n");
  const opening = openShell(start, settings, usage);
  await Promise.allSettled([starting, opening]);
  const services = await starting;
  const shell = await opening;
  if (cgroup && !cgroup.holds(shell.container.id))
    warnOfLimits(context, `the engine does not use cgroup "${cgroup.parent}"`);
  const serviceEnds = createServiceEnds(engine, services, (id) => cgroup?.countOomKills(id));
  measure({
    look: async () => shell.session.alive && (await usage.look()),
    read: () => addKills(usage.read(), serviceEnds.oomKills),
  });
  const timeoutMs = options["service-timeout"] * 1000;
  await waitForServices(services, { engine, output, timeoutMs, signal });
  const fault = await sourceToolbox(shell.session, context.options.provisions ?? {});
  if (fault !== undefined) throw new AgentError("DOCKER_FAILED", `${fault}; change "toolbox-path"`);
  return { ...shell, engine, usage, serviceEnds };
}

/** Adds the OOM kills in services, which the engine's figures of their containers do not include. */
function addKills(usage: JobUsage, inServices: number): JobUsage {
  const { oomKills } = usage;
  return oomKills === undefined ? usage : { ...usage, oomKills: oomKills + inServices };
}

function toSettings(
  { context, options, names }: StartContainersOptions,
  cgroup: JobCgroup | undefined,
): ContainerSettings {
  return {
    names,
    options,
    limits: context.options.limits,
    ...(cgroup && { cgroupParent: cgroup.parent }),
    environment: context.environment,
    variables: toProvisionVariables(context.options.provisions ?? {}),
  };
}

/** Starts all services. All calls have ended when it rejects. */
async function startServices(
  { context, engine, signal }: StartContainersOptions,
  settings: ContainerSettings,
  usage: ContainerUsage,
): Promise<Service[]> {
  const [, ...others] = withCa(context);
  return whenAllSettled(
    others.map(async (each): Promise<Service> => {
      const container = await createContainer(engine, each, toServiceSpec(each, settings));
      signal.throwIfAborted();
      await engine.call(`start container "${each.name}"`, container.start());
      usage.addService(container);
      return { name: each.name, container };
    }),
  );
}

/** Adds the operator's authorities to the files of the job's containers. */
function withCa({ job, options }: ExecutorContext): readonly JobContainer[] {
  const ca = readCa(options.provisions ?? {});
  if (ca === undefined) return job.containers;
  const file = { path: caPath, content: Buffer.from(ca).toString("base64"), mode: "0444" };
  return job.containers.map((container) => ({ ...container, files: [...container.files, file] }));
}

async function openShell(
  start: StartContainersOptions,
  settings: ContainerSettings,
  usage: ContainerUsage,
): Promise<ContainerSession> {
  const { context, options, engine, mounts, resources, signal, waiting, names } = start;
  const first = withCa(context)[0]!;
  const opened = await openSession(
    {
      engine,
      context,
      resources,
      image: first.image,
      instance: names.instance,
      waiting,
      startTimeoutMs: options["start-timeout"] * 1000,
      create: (command) =>
        createContainer(
          engine,
          first,
          toSessionSpec(first, settings, { command, mounts, isKept: waiting !== undefined }),
        ),
    },
    signal,
  );
  await watchSession(opened, { engine, usage, resources });
  return opened;
}

/** Whether the job has limits and several containers: the limits then need a cgroup around all containers. */
export function mayHaveCgroup({ options: { limits }, job }: ExecutorContext): boolean {
  return hasLimits(limits) && job.containers.length > 1;
}

function hasLimits(limits: JobLimits): boolean {
  return Object.values(limits).some((limit) => limit !== undefined);
}

async function openJobCgroup({
  context,
  engine,
  names,
}: StartContainersOptions): Promise<JobCgroup | undefined> {
  const { limits } = context.options;
  if (!hasLimits(limits)) return undefined;
  if ((await engine.cgroups()).driver === "none")
    return void context.logger.warn(
      `the job's limits are not enforced: the engine at "${engine.endpoint.host}" has no cgroups`,
    );
  if (!mayHaveCgroup(context)) return undefined;
  const cgroup = await createJobCgroup(engine, { names, limits });
  return typeof cgroup === "string" ? void warnOfLimits(context, cgroup) : cgroup;
}

function warnOfLimits({ logger }: ExecutorContext, reason: string): void {
  logger.warn(`limits apply to each container separately, not to the job: ${reason}`);
}

/** Like `Promise.all`, but all promises have settled when it rejects. */
async function whenAllSettled<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
