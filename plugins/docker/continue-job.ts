import { join } from "node:path";
import type Docker from "dockerode";
import { AgentError, type ExecutorContext } from "signalman";
import {
  createSession,
  findOpened,
  type LeftSession,
  openRecording,
  readLeftSession,
  watchLastLine,
} from "signalman/executor";
import { findJobCgroup } from "./cgroup/job-cgroup.ts";
import { labels, type JobNames } from "./containers/job-names.ts";
import { privateDirectory } from "./containers/spec.ts";
import { createServiceEnds } from "./containers/service-ends.ts";
import type { Service } from "./containers/services.ts";
import { createContainerUsage } from "./containers/usage.ts";
import type { DockerJob, OpenJobOptions } from "./docker-job.ts";
import type { Engine } from "./engine/engine.ts";
import { statusOf } from "./engine/errors.ts";
import { openLeftTerminal } from "./session/container-terminal.ts";
import { type ContainerSession, toCommandPath, watchSession } from "./session/open-session.ts";
import { createKeepers, type Keepers } from "./session/put-bytes.ts";
import { maxKeptBytes, type SessionHandle } from "./session/recording.ts";

/** Returns what finds the session that an earlier process of the job has opened; `undefined` when none has. */
export function findLeftSession({ journal }: Pick<ExecutorContext, "journal">): SessionHandle | undefined {
  return findOpened(journal?.left ?? [])?.handle as SessionHandle | undefined;
}

export interface ContinueJobOptions extends OpenJobOptions {
  readonly engine: Engine;
  readonly names: JobNames;
  readonly handle: SessionHandle;
}

/** Continues a job in the containers that an earlier process of it has started. */
export async function continueJob(options: ContinueJobOptions): Promise<DockerJob> {
  const { context, resources, measure, engine, names, handle } = options;
  const container = await findRunning(engine, handle.container);
  const usage = resources.use(createContainerUsage(engine));
  measure({ look: () => usage.look(), read: () => usage.read() });
  const services = await findServices(engine, names);
  for (const { container: service } of services) usage.addService(service);
  const opened = await continueSession(options, container);
  await watchSession(opened, { engine, usage, resources });
  const cgroup = findJobCgroup(names);
  const serviceEnds = createServiceEnds(engine, services, (id) => cgroup.countOomKills(id));
  context.logger.info("continuing in the job's container", { container: container.id });
  return { ...opened, engine, usage, serviceEnds };
}

async function findRunning(engine: Engine, id: string): Promise<Docker.Container> {
  const container = engine.docker.getContainer(id);
  try {
    const { State: state } = await engine.call("inspect the job's container", container.inspect());
    if (state.Running) return container;
    throw new AgentError("SESSION_FAILED", `the job's container has ended with exit code ${state.ExitCode}`);
  } catch (error) {
    if (statusOf(error) === 404) throw new AgentError("SESSION_FAILED", "the job's container is gone");
    throw error;
  }
}

async function findServices(engine: Engine, names: JobNames): Promise<Service[]> {
  const label = [`${labels.instance}=${names.instance}`, `${labels.purpose}=service`];
  const found = await engine.call(
    "list the containers of the job",
    engine.docker.listContainers({ all: true, filters: { label } }),
  );
  return found.map(({ Id, Labels }) => ({
    name: Labels[labels.container] ?? Id,
    container: engine.docker.getContainer(Id),
  }));
}

async function continueSession(
  { context, options, resources, engine, handle, signal }: ContinueJobOptions,
  container: Docker.Container,
): Promise<ContainerSession> {
  const { journal } = context;
  const owner = journal!.owner;
  const opened: { session?: ContainerSession["session"] } = {};
  const keepers = createKeepers(engine, container, { shellPid: () => opened.session?.shellPid ?? 0, owner });
  resources.defer(() => keepers.close());
  const { left, step } = await readLeft(context, { keepers, handle });
  const session = await createSession(
    {
      login: false,
      open: ({ onData }) =>
        openLeftTerminal(engine, container, {
          onData,
          recorder: handle.recorder,
          offset: left.checkpoint?.offset ?? left.base.offset,
          step,
        }),
      putCommand: async (text) => {
        const path = toCommandPath(owner);
        await keepers.put(path, Buffer.from(`${text}\n`));
        return path;
      },
      answers: privateDirectory,
      overflow: join(context.directory, "overflow"),
      size: context.options.terminalSize,
      startTimeoutMs: options["start-timeout"] * 1000,
      keeping: { journal: journal!, handle, left, maxKeptBytes },
    },
    signal,
  );
  opened.session = resources.use(session);
  return { session, container, keepers };
}

/** Reads the session from the journal, and finds out which of its lines the shell has received. */
async function readLeft(
  { journal }: ExecutorContext,
  { keepers, handle }: { readonly keepers: Keepers; readonly handle: SessionHandle },
): Promise<{ readonly left: LeftSession; readonly step: number }> {
  const last = watchLastLine(journal!.left);
  let step = 1;
  if (last) {
    using recording = await openRecording(handle.recorder, last.offset, last.push);
    step = await last.findNextStep({
      print: async (bytes) => (await keepers.current()).print(bytes),
      replace: (path, text) => keepers.put(path, Buffer.from(text)),
      ended: recording.ended,
    });
  }
  return { left: readLeftSession(journal!.left, step)!, step };
}
