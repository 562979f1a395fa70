import { type Logger, toMessage } from "signalman";
import { isApiError } from "../client/api-error.ts";
import type { Client } from "../client/client.ts";
import type { KubernetesEvent, Pod } from "../client/objects.ts";
import { toPath } from "../client/resources.ts";
import { watch } from "../client/watch.ts";

/** Maximum number of events that are read for one pod. */
const maxEvents = 10_000;

/** Reads the pod's events until the signal aborts. Only events report pulls and failed mounts. */
export async function watchEvents(
  client: Client,
  pod: Pod,
  options: {
    readonly onEvent: (event: KubernetesEvent) => void;
    readonly logger: Logger;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { onEvent, logger, signal } = options;
  const { name, uid } = pod.metadata;
  // Each watch begins with all existing events.
  const seen = new Set<string>();
  const isNew = ({ metadata, involvedObject }: KubernetesEvent): boolean => {
    const id = `${metadata.uid} ${metadata.resourceVersion}`;
    if (involvedObject?.uid !== uid || seen.has(id) || seen.size >= maxEvents) return false;
    seen.add(id);
    return true;
  };
  const selector = { fieldSelector: `involvedObject.name=${name}` };
  while (!signal.aborted) {
    try {
      for await (const { object } of watch<KubernetesEvent>(client, toPath(client, "events"), {
        ...selector,
        signal,
      }))
        if (isNew(object)) onEvent(object);
    } catch (error) {
      if (signal.aborted) return;
      if (isApiError(error, 403))
        return logger.info(
          'the role does not allow to "watch" events: the log does not show which image is pulled',
        );
      logger.debug(`the watch of events ended: ${toMessage(error)}`);
    }
    await Bun.sleep(500);
  }
}
