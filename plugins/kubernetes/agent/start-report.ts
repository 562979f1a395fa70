import { type Logger, toMessage } from "signalman";
import { isGranted, listOptionalRights, toTarget } from "../checks/rights.ts";
import type { Client } from "../client/client.ts";
import { findHandOverFault, type HandOverPlace } from "./hand-over.ts";
import { findOwnPod } from "./own-pod.ts";
import { findStateLoss, stateRemedy } from "./state-volume.ts";

/**
 * Logs once what a disruption of the cluster costs jobs of this agent: missing rights to protect pods, a state that is
 * lost with the agent's pod, and a hand-over that is not possible. Never rejects.
 */
export async function reportAtStart(
  connect: () => Promise<Client>,
  options: HandOverPlace & {
    readonly isHandingOver: boolean;
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly logger: Logger;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { env, stateDirectory, isHandingOver, owner, logger, signal } = options;
  try {
    const client = await connect();
    const pod = await findOwnPod(client, { env, signal, onMiss: (line) => logger.debug(line) });
    for (const right of listOptionalRights({ isInPod: pod !== undefined, isHandingOver, owner })) {
      if (!right.protects) continue;
      if (await isGranted(client, right, signal)) continue;
      logger.warn(
        `the role does not allow to "${right.verb}" ${toTarget(right)}: ${right.consequence}; grant it as docs/kubernetes/rbac.yaml does`,
      );
    }
    const loss = pod && stateDirectory !== undefined ? findStateLoss(pod, stateDirectory) : undefined;
    if (loss !== undefined) logger.warn(`${loss}; ${stateRemedy}`);
    const fault = isHandingOver ? findHandOverFault(pod, options) : undefined;
    if (fault !== undefined && fault !== loss) logger.warn(`kubernetes-hand-over has no effect: ${fault}`);
  } catch (error) {
    if (!signal.aborted)
      logger.debug(`could not examine the agent's place in the cluster: ${toMessage(error)}`);
  }
}
