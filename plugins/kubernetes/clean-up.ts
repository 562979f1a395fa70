import { type CleanUpContext, type Logger, toMessage } from "signalman";
import { isApiError } from "./client/api-error.ts";
import type { Client } from "./client/client.ts";
import type { Metadata } from "./client/objects.ts";
import { remove, removeWholePod, toPath } from "./client/resources.ts";
import { agentLabel, jobLabel, toLabelValue } from "./pod/labels.ts";
import type { LeftJobs } from "./left-jobs.ts";
import { isPodName, type JobNames, toNames, toNamesOfPod } from "./pod/names.ts";

export interface RemovalOptions {
  /** Milliseconds to retry while the API server does not answer. Default: 30 s. */
  readonly retryMs?: number;
  readonly signal?: AbortSignal;
}

/** Deletes a job's pod and secrets by their names. Resolves to whether one of them existed. */
export async function removeJob(client: Client, names: JobNames, options: RemovalOptions): Promise<boolean> {
  const removed = await Promise.all([
    remove(client, "pods", names.pod, options),
    ...removeSecrets(client, names, options),
  ]);
  return removed.includes(true);
}

/** Deletes the objects of an earlier attempt to start a job. Resolves when the containers of its pod have ended. */
export async function removeEarlierJob(client: Client, names: JobNames, signal: AbortSignal): Promise<void> {
  await Promise.all([removeWholePod(client, names.pod, signal), ...removeSecrets(client, names, { signal })]);
}

function removeSecrets(client: Client, names: JobNames, options: RemovalOptions): Promise<boolean>[] {
  return [names.secret, names.pullSecret].map((name) => remove(client, "secrets", name, options));
}

/** Deletes the objects of one job, or of all jobs of this agent that do not run. */
export async function cleanUp(
  connect: () => Promise<Client>,
  context: CleanUpContext,
  leftJobs?: LeftJobs,
): Promise<void> {
  const { jobId, signal } = context;
  const client = await connect();
  if (jobId === undefined) return sweep(client, context, leftJobs);
  await removeJob(client, toNames(jobId), { retryMs: longRetryMs, signal });
}

/** Deletes the objects of an ended job whose own process could not delete them. Never rejects. */
export async function removeLater(
  connect: () => Promise<Client>,
  jobId: string,
  {
    signal,
    logger,
    leftJobs,
  }: {
    readonly signal: AbortSignal;
    readonly logger: Logger;
    readonly leftJobs?: LeftJobs | undefined;
  },
): Promise<void> {
  try {
    await removeJob(await connect(), toNames(jobId), { retryMs: longRetryMs, signal });
    leftJobs?.remove(jobId);
  } catch (error) {
    if (!signal.aborted)
      logger.warn(
        `could not delete the objects of job "${jobId}": ${toMessage(error)}; the agent tries again at its next start`,
      );
  }
}

/** After this time without an API server, the agent tries again at its next start. */
const longRetryMs = 3_600_000;
/** Maximum number of jobs whose objects are removed concurrently. */
const maxConcurrent = 4;

/**
 * Deletes the objects of all jobs of this agent that do not run: of pods with the agent's label, where the
 * role allows listing pods, and of recorded jobs. Secrets are not listed, since a list returns their
 * contents.
 */
async function sweep(client: Client, context: CleanUpContext, leftJobs: LeftJobs | undefined): Promise<void> {
  const { agentId, logger, signal } = context;
  const until = performance.now() + longRetryMs;
  const queue = (await findObsolete(client, context, leftJobs)).values();
  const faults: string[] = [];
  const removeNext = async () => {
    for (const { names, isRunning, finish } of queue) {
      if (signal.aborted) return;
      // Read for each job: it may have started after the pods were listed.
      if (isRunning()) continue;
      try {
        const retryMs = Math.max(0, until - performance.now());
        if (await removeJob(client, names, { retryMs, signal }))
          logger.info(`deleted the objects of an earlier job of agent "${agentId}"`, {
            pod: names.pod,
          });
        finish?.();
      } catch (error) {
        faults.push(toMessage(error));
      }
    }
  };
  await Promise.all(Array.from({ length: maxConcurrent }, removeNext));
  signal.throwIfAborted();
  leftJobs?.prune();
  if (faults.length > 0)
    logger.warn(
      `could not delete the objects of earlier jobs: ${faults[0]}; the agent tries again at its next start`,
      { jobs: faults.length },
    );
}

interface ObsoleteObjects {
  readonly names: JobNames;
  readonly isRunning: () => boolean;
  /** Called when the objects are deleted. */
  readonly finish?: () => void;
}

async function findObsolete(
  client: Client,
  context: CleanUpContext,
  leftJobs: LeftJobs | undefined,
): Promise<readonly ObsoleteObjects[]> {
  const found = new Map<string, ObsoleteObjects>();
  for (const { name, labels } of await listOwnPods(client, context)) {
    const isRunning = () => context.runningJobs.some((id) => toLabelValue(id) === labels?.[jobLabel]);
    if (isPodName(name)) found.set(name, { names: toNamesOfPod(name), isRunning });
  }
  for (const id of leftJobs?.list() ?? []) {
    const names = toNames(id);
    const isRunning = () => context.runningJobs.includes(id);
    found.set(names.pod, { names, isRunning, finish: () => leftJobs?.remove(id) });
  }
  return [...found.values()];
}

async function listOwnPods(
  client: Client,
  { agentId, logger, signal }: Pick<CleanUpContext, "agentId" | "logger" | "signal">,
): Promise<readonly Metadata[]> {
  try {
    const query = { labelSelector: `${agentLabel}=${toLabelValue(agentId)}` };
    const { items } = await client.call<{ items: readonly { metadata: Metadata }[] }>(
      "GET",
      toPath(client, "pods"),
      { query, signal, retryMs: longRetryMs },
    );
    return items.map(({ metadata }) => metadata);
  } catch (error) {
    signal.throwIfAborted();
    if (isApiError(error, 403))
      logger.info(
        'the role does not allow to "list" pods: only objects of jobs that are recorded in the state directory are deleted',
      );
    else logger.warn(`could not list the pods of earlier jobs: ${toMessage(error)}`);
    return [];
  }
}
