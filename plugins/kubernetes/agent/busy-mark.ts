import { type Logger, toMessage } from "signalman";
import { isApiError } from "../client/api-error.ts";
import type { Client } from "../client/client.ts";
import type { Pod } from "../client/objects.ts";
import { patchPod } from "../client/resources.ts";
import { keepAnnotations } from "../pod/protection.ts";
import { findOwnPod, isInOwnNamespace } from "./own-pod.ts";

/** Marks the agent's own pod while it has jobs, so that autoscalers keep its node. */
export interface BusyMark {
  /** Sets or removes the annotations as the number of jobs demands. Never rejects. */
  update(isBusy: boolean): Promise<void>;
}

/** Annotation that tells the agent's own marks from those of the operator. */
const marker = "signalman/busy";

export function createBusyMark(
  connect: () => Promise<Client>,
  {
    env,
    logger,
    signal,
  }: {
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly logger: Logger;
    readonly signal: AbortSignal;
  },
): BusyMark {
  let wanted = false;
  let known: { readonly name: string; isMarked: boolean } | undefined;
  let isUseless = false;
  let running: Promise<void> | undefined;

  async function apply(): Promise<void> {
    const client = await connect();
    if (known === undefined) {
      const pod = await findOwnPod(client, { env, signal, onMiss: (line) => logger.debug(line) });
      isUseless = !isInOwnNamespace(client) || (pod !== undefined && isMarkedByOperator(pod));
      if (pod === undefined || isUseless) return;
      known = { name: pod.metadata.name, isMarked: pod.metadata.annotations?.[marker] !== undefined };
    }
    while (known.isMarked !== wanted) {
      const isMarked = wanted;
      const annotations = Object.fromEntries(
        Object.entries({ ...keepAnnotations, [marker]: "true" }).map(([name, value]) => [
          name,
          isMarked ? value : null,
        ]),
      );
      await patchPod(client, known.name, { metadata: { annotations } }, signal);
      known.isMarked = isMarked;
    }
  }

  async function run(): Promise<void> {
    try {
      await apply();
    } catch (error) {
      if (signal.aborted) return;
      isUseless = isApiError(error, 403);
      // A missing right is reported at the agent's start.
      logger[isUseless ? "debug" : "warn"](`could not annotate the agent's own pod: ${toMessage(error)}`);
    }
  }

  return {
    async update(isBusy) {
      wanted = isBusy;
      // A call that runs sees the new value when its request has returned.
      running ??= isUseless ? undefined : run().finally(() => (running = undefined));
      await running;
    },
  };
}

function isMarkedByOperator({ metadata: { annotations = {} } }: Pod): boolean {
  return (
    annotations[marker] === undefined && Object.keys(keepAnnotations).some((name) => name in annotations)
  );
}
