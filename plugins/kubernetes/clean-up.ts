import { type CleanUpContext, type Logger, toMessage } from "signalman";
import { isApiError } from "./client/api-error.ts";
import type { Client } from "./client/client.ts";
import type { Metadata } from "./client/objects.ts";
import { remove, toPath } from "./client/resources.ts";
import { agentLabel, jobLabel, toLabelValue } from "./pod/labels.ts";
import type { LeftJobs } from "./left-jobs.ts";
import { isPodName, type JobNames, toNames, toNamesOfPod } from "./pod/names.ts";

export interface RemovalOptions {
  /** Milliseconds to keep trying while the API server is away. Default: 30 s. */
  readonly retryMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Removes a job's pod and secrets by their names. Resolves to whether one of them was there. Throws when it
 * cannot.
 */
export async function removeJob(client: Client, names: JobNames, options: RemovalOptions): Promise<boolean> {
  const removed = await Promise.all([
    remove(client, "pods", names.pod, options),
    remove(client, "secrets", names.secret, options),
    remove(client, "secrets", names.pullSecret, options),
  ]);
  return removed.includes(true);
}

/** Removes what one job, or every earlier job of this agent, has left in the cluster. */
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

/** Removes what a job's own process could not remove while the API server was away. */
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
        `what job "${jobId}" left in the cluster could not be deleted: ${toMessage(error)}; the next start of the agent tries again`,
      );
  }
}

/** An API server that is away for longer is left to the next start. */
const longRetryMs = 3_600_000;
/** Maximum number of jobs whose objects are removed concurrently. */
const mostAtOnce = 4;

/**
 * Removes what earlier jobs of this agent have left in its namespace, except the jobs that run: the pods with
 * the agent's label where the role allows to list pods, and what has the names of a recorded job. Secrets are
 * never listed, since that would return their contents.
 */
async function sweep(client: Client, context: CleanUpContext, leftJobs: LeftJobs | undefined): Promise<void> {
  const { agentId, logger, signal } = context;
  const until = performance.now() + longRetryMs;
  const rest = (await findLeft(client, context, leftJobs)).values();
  const faults: string[] = [];
  const removeNext = async () => {
    for (const { names, isRunning, finish } of rest) {
      if (signal.aborted) return;
      // Read for each job, after the list: a job that has started meanwhile is spared.
      if (isRunning()) continue;
      try {
        const retryMs = Math.max(0, until - performance.now());
        if (await removeJob(client, names, { retryMs, signal }))
          logger.info(`removed what an earlier job of agent "${agentId}" has left in the cluster`, {
            pod: names.pod,
          });
        finish?.();
      } catch (error) {
        faults.push(toMessage(error));
      }
    }
  };
  await Promise.all(Array.from({ length: mostAtOnce }, removeNext));
  signal.throwIfAborted();
  leftJobs?.prune();
  if (faults.length > 0)
    logger.warn(
      `what earlier jobs have left in the cluster could not be deleted: ${faults[0]}; the next start of the agent tries again`,
      { jobs: faults.length },
    );
}

interface LeftObjects {
  readonly names: JobNames;
  readonly isRunning: () => boolean;
  /** Is called when the objects are removed. */
  readonly finish?: () => void;
}

async function findLeft(
  client: Client,
  context: CleanUpContext,
  leftJobs: LeftJobs | undefined,
): Promise<readonly LeftObjects[]> {
  const found = new Map<string, LeftObjects>();
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
        'the role does not allow to "list" pods: what earlier jobs have left is found by their ids in the state directory',
      );
    else logger.warn(`pods that earlier jobs have left cannot be found: ${toMessage(error)}`);
    return [];
  }
}
