import { type CleanUpContext, type Logger, toMessage } from "signalman";
import { isApiError } from "./client/api-error.ts";
import type { Client } from "./client/client.ts";
import type { Metadata } from "./client/objects.ts";
import { remove, toPath } from "./client/resources.ts";
import { agentLabel, jobLabel, toLabelValue } from "./pod/labels.ts";
import { type JobNames, toNames } from "./pod/names.ts";

export interface RemovalOptions {
  /** Milliseconds to keep trying while the API server is away. Default: 30 s. */
  readonly retryMs?: number;
  readonly signal?: AbortSignal;
}

/** Removes a job's pod and secrets by their names: that needs no right to list anything. Throws when it cannot. */
export async function removeJob(client: Client, names: JobNames, options: RemovalOptions): Promise<void> {
  await Promise.all([
    remove(client, "pods", names.pod, options),
    remove(client, "secrets", names.secret, options),
    remove(client, "secrets", names.pullSecret, options),
  ]);
}

/** Removes what one job, or every earlier job of this agent, has left in the cluster. */
export async function cleanUp(connect: () => Promise<Client>, context: CleanUpContext): Promise<void> {
  const { jobId, signal } = context;
  const client = await connect();
  if (jobId === undefined) return sweep(client, context);
  await removeJob(client, toNames(jobId), { retryMs: longRetryMs, signal });
}

/** Removes what a job's own process could not remove while the API server was away. */
export async function removeLater(
  connect: () => Promise<Client>,
  jobId: string,
  { signal, logger }: { readonly signal: AbortSignal; readonly logger: Logger },
): Promise<void> {
  try {
    await removeJob(await connect(), toNames(jobId), { retryMs: longRetryMs, signal });
  } catch (error) {
    if (!signal.aborted)
      logger.warn(
        `what job "${jobId}" left in the cluster could not be deleted: ${toMessage(error)}; the next start of the agent tries again`,
      );
  }
}

/** An API server that is away for longer is left to the next start. */
const longRetryMs = 3_600_000;

/** Removes what earlier jobs of this agent have left in its namespace, except the jobs that run. */
export async function sweep(client: Client, context: Omit<CleanUpContext, "jobId">): Promise<void> {
  const { agentId, logger, signal } = context;
  for (const kind of ["pods", "secrets"] as const) {
    const left = await listOwn(client, kind, context);
    for (const { name, labels } of left) {
      // Read for each object, after the list: a job that has started meanwhile is spared.
      const isRunning = context.runningJobs.some((id) => toLabelValue(id) === labels?.[jobLabel]);
      if (isRunning) continue;
      logger.info(`removing what an earlier job of agent "${agentId}" has left in the cluster`, {
        kind,
        name,
      });
      await remove(client, kind, name, { retryMs: longRetryMs, signal });
    }
  }
}

async function listOwn(
  client: Client,
  kind: "pods" | "secrets",
  { agentId, logger, signal }: { agentId: string; logger: Logger; signal: AbortSignal },
): Promise<readonly Metadata[]> {
  try {
    const query = { labelSelector: `${agentLabel}=${toLabelValue(agentId)}` };
    const { items } = await client.call<{ items: readonly { metadata: Metadata }[] }>(
      "GET",
      toPath(client, kind),
      {
        query,
        signal,
        retryMs: longRetryMs,
      },
    );
    return items.map(({ metadata }) => metadata);
  } catch (error) {
    signal.throwIfAborted();
    const hint = isApiError(error, 403)
      ? `; grant "list" on "${kind}" in namespace "${client.connection.namespace}"`
      : "";
    logger.warn(`what earlier jobs have left in the cluster cannot be found: ${toMessage(error)}${hint}`);
    return [];
  }
}
