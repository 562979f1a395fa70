import { setTimeout as sleep } from "node:timers/promises";
import { type Interruption, type Logger, toMessage } from "signalman";
import { isRefusal } from "../client/api-error.ts";
import type { Client } from "../client/client.ts";
import { getPod } from "../client/resources.ts";
import { toRefusalReason } from "../wait/rights-loss.ts";
import { findHandOverFault, findSuccessorFault, type HandOverPlace } from "./hand-over.ts";
import { findOwnPod } from "./own-pod.ts";
import { servedCommand, waitForServedCommands } from "./served-commands.ts";

export interface InterruptOptions extends HandOverPlace {
  /** Whether jobs are left to the agent's successor (`kubernetes-hand-over`). */
  readonly isHandingOver: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Decides what the end of the agent's pod means for its jobs: the next agent of the StatefulSet continues them; or
 * they have the grace period to finish, and are stopped when the agent's rights are taken away, as by the end of its
 * release.
 */
export async function reactToInterrupt(
  connect: () => Promise<Client>,
  interruption: Interruption,
  options: InterruptOptions,
): Promise<void> {
  const { logger } = options;
  const client = await connect();
  if (options.isHandingOver) {
    const fault = await findFault(client, interruption, options);
    if (fault === undefined) {
      logger.info("jobs are handed over to the next agent of this StatefulSet, which continues them");
      return interruption.handOver();
    }
    logger.info(`jobs are not handed over and have the grace period to finish: ${fault}`);
  }
  void stopWithoutRights(client, interruption, options);
}

/** Resolves to why the jobs cannot be handed over. */
async function findFault(
  client: Client,
  interruption: Interruption,
  options: InterruptOptions,
): Promise<string | undefined> {
  const { env, signal, logger } = options;
  try {
    const pod = await findOwnPod(client, { env, signal, onMiss: (line) => logger.debug(line) });
    const fault = findHandOverFault(pod, options) ?? (await findSuccessorFault(client, pod!, signal));
    if (fault !== undefined) return fault;
    if (!(await waitForServedCommands(interruption, options))) return `${servedCommand}, has not ended`;
    if (!(await interruption.areContinuable())) return "a job cannot be continued by another process";
    return undefined;
  } catch (error) {
    return toMessage(error);
  }
}

/** Time for which the cluster may refuse the agent before its jobs are stopped. */
const refusalMs = 5000;
const pollMs = 1000;

/**
 * Stops the jobs once the cluster refuses the agent for some seconds: their pods are deleted next, and nothing of them
 * could be cleaned up later. Never rejects.
 */
async function stopWithoutRights(
  client: Client,
  interruption: Interruption,
  { env, signal }: Pick<InterruptOptions, "env" | "signal">,
): Promise<void> {
  // The right counts, and not whether a pod has this name.
  const name = env["KUBERNETES_POD_NAME"] || "agent";
  let since: number | undefined;
  while (!signal.aborted) {
    const error = await getPod(client, name, { signal, retryMs: 0 }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (!isRefusal(error)) since = undefined;
    else if (performance.now() - (since ??= performance.now()) >= refusalMs)
      return interruption.stopJobs(toRefusalReason(error.message));
    await sleep(pollMs, undefined, { signal }).catch(() => {});
  }
}
