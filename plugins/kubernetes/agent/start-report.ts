import { type Logger, toMessage } from "signalman";
import { isGranted, optionalRights, toTarget } from "../checks/rights.ts";
import type { Client } from "../client/client.ts";
import { findOwnPod } from "./own-pod.ts";
import { findStateLoss, stateRemedy } from "./state-volume.ts";

/**
 * Logs once what a disruption of the cluster costs jobs of this agent: missing rights to protect pods, and a state that
 * is lost with the agent's pod. Never rejects.
 */
export async function reportAtStart(
  connect: () => Promise<Client>,
  options: {
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly stateDirectory: string | undefined;
    readonly logger: Logger;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { env, stateDirectory, logger, signal } = options;
  try {
    const client = await connect();
    const pod = await findOwnPod(client, { env, signal, onMiss: (line) => logger.debug(line) });
    for (const right of optionalRights) {
      if (!right.protects || (right.protects === "agent" && pod === undefined)) continue;
      if (await isGranted(client, right, signal)) continue;
      logger.warn(
        `the role does not allow to "${right.verb}" ${toTarget(right)}: ${right.consequence}; grant it as docs/kubernetes/rbac.yaml does`,
      );
    }
    const loss = pod && stateDirectory !== undefined ? findStateLoss(pod, stateDirectory) : undefined;
    if (loss !== undefined) logger.warn(`${loss}; ${stateRemedy}`);
  } catch (error) {
    if (!signal.aborted)
      logger.debug(`could not examine the agent's place in the cluster: ${toMessage(error)}`);
  }
}
