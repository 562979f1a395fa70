import { setTimeout as sleep } from "node:timers/promises";
import { type Logger, toMessage } from "signalman";
import { isApiError } from "../client/api-error.ts";
import type { Client } from "../client/client.ts";
import type { Pod } from "../client/objects.ts";
import { getPod, toPath } from "../client/resources.ts";
import { watch } from "../client/watch.ts";

/** A pod as it changes, from its creation until the watch is disposed. */
export interface PodWatch extends AsyncDisposable {
  /** The pod as it was seen last, also after its deletion. */
  readonly pod: Pod;
  /** The pod is no longer there, or another one has its name. */
  readonly isGone: boolean;
  /** The role allows neither to watch nor to get pods: the server's words. */
  readonly refusal: string | undefined;
  /** Resolves at the next change. */
  changed(): Promise<void>;
  /** Asks the API server now. Rejects when it does not answer. */
  refresh(): Promise<void>;
}

const firstPollMs = 500;
const latestPollMs = 10_000;

/** Watches a pod; where the role does not allow that, asks for it again and again. */
export function watchPod(client: Client, created: Pod, logger: Logger): PodWatch {
  const stopping = new AbortController();
  const { name, uid } = created.metadata;
  let pod = created;
  const gone = new AbortController();
  let change = Promise.withResolvers<void>();
  let refusal: string | undefined;

  function tell(): void {
    const { resolve } = change;
    change = Promise.withResolvers();
    resolve();
  }

  function see(next: Pod | undefined): void {
    const isOurs = next !== undefined && next.metadata.uid === uid;
    if (isOurs && next.metadata.resourceVersion === pod.metadata.resourceVersion) return;
    if (isOurs) pod = next;
    else gone.abort();
    tell();
  }

  async function refresh(): Promise<void> {
    try {
      see(await getPod(client, name, { signal: stopping.signal, retryMs: 0 }));
    } catch (error) {
      if (!isApiError(error, 404)) throw error;
      see(undefined);
    }
  }

  async function follow(since: string | undefined): Promise<void> {
    const events = watch<Pod>(client, toPath(client, "pods"), {
      fieldSelector: `metadata.name=${name}`,
      resourceVersion: since,
      signal: stopping.signal,
    });
    for await (const { type, object } of events) {
      if (object.metadata.uid !== uid || type === "BOOKMARK") continue;
      see(object);
      if (type === "DELETED") see(undefined);
    }
  }

  async function run(): Promise<void> {
    const over = AbortSignal.any([gone.signal, stopping.signal]);
    // A server forgets old versions; from such a one on, a watch begins with the pod as it is.
    let isForgotten = false;
    for (let pause = 200; !over.aborted; pause = Math.min(pause * 2, 5000)) {
      try {
        await follow(isForgotten ? undefined : pod.metadata.resourceVersion);
        [pause, isForgotten] = [200, false];
      } catch (error) {
        isForgotten = isApiError(error, 410);
        if (isApiError(error, 403)) {
          logger.info('the role does not allow to "watch" pods: asking for the pod again and again instead');
          refusal = await poll(refresh, { logger, signal: stopping.signal, gone: gone.signal });
          return tell();
        }
        if (stopping.signal.aborted) return;
        logger.debug(`the watch of pod "${name}" ended: ${toMessage(error)}`);
      }
      await sleep(pause, undefined, { signal: stopping.signal });
      await refresh().catch((error: unknown) => logger.debug(toMessage(error)));
    }
  }

  const running = run().catch(() => {});
  return {
    get pod() {
      return pod;
    },
    get isGone() {
      return gone.signal.aborted;
    },
    get refusal() {
      return refusal;
    },
    changed: () => change.promise,
    refresh,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await running;
    },
  };
}

/** Asks for the pod until it is gone, less and less often. Resolves to the server's words when the role does not allow that. */
async function poll(
  refresh: () => Promise<void>,
  {
    logger,
    signal,
    gone,
  }: { readonly logger: Logger; readonly signal: AbortSignal; readonly gone: AbortSignal },
): Promise<string | undefined> {
  for (let pause = firstPollMs; !gone.aborted; pause = Math.min(pause * 1.05, latestPollMs)) {
    await sleep(pause, undefined, { signal });
    try {
      await refresh();
    } catch (error) {
      if (isApiError(error, 403)) return error.message;
      logger.debug(toMessage(error));
    }
  }
  return undefined;
}
