import { createTextStart, type ExecutorContext, type Logger, type Output, toMessage } from "signalman";
import { findOpened, type Opening, sourceToolbox } from "signalman/executor";
import { removeJob } from "./clean-up.ts";
import type { Client } from "./client/client.ts";
import type { Pod } from "./client/objects.ts";
import { continueSession, findLeftPod } from "./continue-session.ts";
import { openSession } from "./open-session.ts";
import type { PodSession } from "./open-shell.ts";
import { mainContainer } from "./pod/build-pod.ts";
import type { JobSecret } from "./pod/job-secret.ts";
import { findLimits } from "./pod/limits.ts";
import { type JobNames, toNames } from "./pod/names.ts";
import { protectPod } from "./pod/protection.ts";
import { prepare, type Prepared } from "./prepare.ts";
import type { KubernetesSettings } from "./settings.ts";
import { guardLease, type LeaseGuard } from "./lease/lease-guard.ts";
import { createPatientClient } from "./lease/patient-client.ts";
import { createUsageReader, type UsageReader } from "./usage.ts";
import { type PodWatch, watchPod } from "./wait/pod-watch.ts";
import { watchRights } from "./wait/rights-loss.ts";

/** A job's pod and the session in it. */
export interface JobPod extends PodSession {
  /** Resolves to the path of a file with these bytes: in the job's secret, or uploaded now. */
  bring(bytes: Uint8Array): Promise<string>;
  /** Resolves to whether the kernel's OOM killer has killed a process of the last command. */
  findKill(): Promise<boolean>;
}

export interface JobPodOptions {
  readonly settings: KubernetesSettings;
  /** Connects to the API server. Rejects when the configuration cannot be used. */
  readonly connect: () => Promise<Client>;
}

export interface JobPodOpening extends Opening {
  /** Deletes the job's objects when it is disposed. */
  readonly resources: AsyncDisposableStack;
}

/** Milliseconds to retry the deletion of a job's objects before the agent's process takes over. */
const removalMs = 5000;

/**
 * Creates a job's objects and its session, in two blocks of the job's log. Resolves to an exit code when a
 * block shows a failure.
 */
export async function openJobPod(
  context: ExecutorContext,
  options: JobPodOptions,
  opening: JobPodOpening,
): Promise<JobPod | number> {
  const { log, logger, journal } = context;
  const { signal, resources, measure } = opening;
  const guard = resources.use(guardLease(context.stateDirectory, logger));
  if (journal && findOpened(journal.left)) return continueJobPod(context, options, { ...opening, guard });
  let created: CreatedPod | undefined;
  await log.command("Creating Kubernetes resources for job...", async (output) => {
    created = await createObjects({ ...options, context, guard, resources, output, signal });
    return created ? 0 : 1;
  });
  if (!created) return 1;
  const { client, prepared } = created;
  const watch = resources.use(watchPod(client, prepared.pod, logger));
  const usage = measurePod(client, watch, measure);
  let pod: PodSession | undefined;
  const code = await log.command("Starting shell session...", async (output) => {
    try {
      pod = resources.use(
        await openSession({ client, context, settings: options.settings, guard, watch, output, signal }),
      );
      const code = await showIdentity(pod, output);
      return code || (await openToolbox(pod, context, output));
    } catch (error) {
      if (!signal.aborted) output(`${toMessage(error)}\n`);
      return 1;
    }
  });
  if (!pod || code !== 0) return code || 1;
  void watchRights(watch, { link: pod.link, logger });
  return toJobPod(pod, prepared.secret, usage);
}

/** Continues in the pod in which an earlier process of the job has opened its session. */
async function continueJobPod(
  context: ExecutorContext,
  { settings, connect }: JobPodOptions,
  { signal, resources, measure, guard }: JobPodOpening & { readonly guard: LeaseGuard },
): Promise<JobPod> {
  const { logger, job } = context;
  const names = toNames(job.id);
  const { client, direct } = await openClients(connect, names, { guard, resources, logger });
  const watch = resources.use(
    watchPod(client, await findLeftPod(client, names.pod, { context, signal }), logger),
  );
  const usage = measurePod(client, watch, measure);
  keepProtected(direct, watch.pod, { resources, logger });
  const pod = resources.use(await continueSession({ client, context, settings, guard, watch, signal }));
  void watchRights(watch, { link: pod.link, logger });
  // The agent's options may have changed since the secret was made.
  return toJobPod(pod, { find: () => undefined }, usage);
}

function measurePod(client: Client, { pod }: PodWatch, measure: Opening["measure"]): UsageReader {
  const place = { pod: pod.metadata.name, container: mainContainer, limits: findLimits(pod) };
  const usage = createUsageReader(client, place);
  measure({ look: () => usage.read(), read: () => usage.last });
  return usage;
}

function toJobPod(pod: PodSession, secret: Pick<JobSecret, "find">, usage: UsageReader): JobPod {
  const { files } = pod;
  return Object.assign(pod, {
    bring: async (bytes: Uint8Array) => secret.find(bytes) ?? (await files.put("file", bytes)),
    findKill: () => usage.findKill(),
  });
}

interface CreatedPod {
  readonly client: Client;
  readonly prepared: Prepared;
}

/** Resolves to `undefined` when the output shows a failure, or after an abort. */
async function createObjects(
  options: JobPodOptions & {
    readonly context: ExecutorContext;
    readonly guard: LeaseGuard;
    readonly resources: AsyncDisposableStack;
    readonly output: Output;
    readonly signal: AbortSignal;
  },
): Promise<CreatedPod | undefined> {
  const { context, settings, connect, guard, resources, output, signal } = options;
  const { logger } = context;
  const names = toNames(context.job.id);
  try {
    const { client, direct } = await openClients(connect, names, { guard, resources, logger });
    const prepared = await prepare({ client, context, settings, names, output, signal });
    if (prepared) keepProtected(direct, prepared.pod, { resources, logger });
    return prepared && { client, prepared };
  } catch (error) {
    if (!signal.aborted) output(`${toMessage(error)}\n`);
    return undefined;
  }
}

/** Opens the client of the job, and a `direct` one for what must not wait while the agent's token is refused. */
async function openClients(
  connect: JobPodOptions["connect"],
  names: ReturnType<typeof toNames>,
  { guard, resources, logger }: Pick<JobPodOpening, "resources"> & { guard: LeaseGuard; logger: Logger },
): Promise<{ readonly client: Client; readonly direct: Client }> {
  const direct = await connect();
  resources.defer(() => removeObjects(direct, names, logger));
  return { client: createPatientClient(direct, { guard, logger }), direct };
}

/** Protects the pod without delaying the job. */
function keepProtected(
  client: Client,
  pod: Pod,
  { resources, logger }: { readonly resources: AsyncDisposableStack; readonly logger: Logger },
): void {
  const ending = new AbortController();
  resources.defer(() => ending.abort());
  void protectPod(client, pod, { logger, signal: ending.signal });
}

/** Deletes the job's objects. Never rejects. */
async function removeObjects(client: Client, names: JobNames, logger: Logger): Promise<void> {
  try {
    await removeJob(client, names, { retryMs: removalMs });
  } catch (error) {
    logger.warn(
      `could not delete pod "${names.pod}" and its secrets: ${toMessage(error)}; the agent tries again`,
    );
  }
}

/** Sources the toolbox. Resolves to the exit code of the block. */
async function openToolbox(
  { session }: PodSession,
  { options }: ExecutorContext,
  output: Output,
): Promise<number> {
  const fault = await sourceToolbox(session, options.provisions ?? {});
  if (fault !== undefined) output(`${fault}; mount it by kubernetes-pod-spec, or change toolbox-path\n`);
  return fault === undefined ? 0 : 1;
}

/**
 * Shows the job's user and working directory (protocol section 7). Resolves to the exit code of the block.
 */
async function showIdentity({ session }: PodSession, output: Output): Promise<number> {
  const commands = [
    ["whoami", "User", "Failed to determine user"],
    ["id", "User identity", "Failed to determine user identity"],
    ["pwd", "Working directory", "Failed to determine working directory"],
  ] as const;
  for (const [command, title, failure] of commands) {
    const start = createTextStart(64 * 1024);
    const code = await session.run(command, start.add, { silent: true });
    output(code === 0 ? `${title}: ${start.text.trimEnd()}\n` : `${failure}\n`);
    // `whoami` may fail: an image may run with a user id that has no name.
    if (code !== 0 && command !== "whoami") return 1;
  }
  return 0;
}
