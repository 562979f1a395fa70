import { setTimeout as sleep } from "node:timers/promises";
import { type Logger, toMessage } from "signalman";
import { type ApiError, isApiError, isRefusal } from "../client/api-error.ts";
import type { Client } from "../client/client.ts";
import type { Pod } from "../client/objects.ts";
import { getPod, toPath } from "../client/resources.ts";
import { watch } from "../client/watch.ts";

/** The current state of a pod, until the watch is disposed. */
export interface PodWatch extends AsyncDisposable {
  /** The last known state, also after the pod's deletion. */
  readonly pod: Pod;
  /** Whether the pod was deleted, or replaced by another one of the same name. */
  readonly isGone: boolean;
  /** The server's message while it allows neither watching nor reading pods. */
  readonly refusal: string | undefined;
  /** Resolves at the next change. */
  changed(): Promise<void>;
  /** Reads the pod from the API server. Rejects when the server does not answer. */
  refresh(): Promise<void>;
}

const firstPollMs = 500;
const maxPollMs = 10_000;

/** Watches a pod; polls it where the role does not allow watching. */
export function watchPod(client: Client, created: Pod, logger: Logger): PodWatch {
  const stopping = new AbortController();
  const { name, uid } = created.metadata;
  let pod = created;
  const gone = new AbortController();
  const { changed, notify } = createChange();
  let refusal: string | undefined;

  function update(next: Pod | undefined): void {
    const isOurs = next !== undefined && next.metadata.uid === uid;
    if (isOurs && next.metadata.resourceVersion === pod.metadata.resourceVersion) return;
    if (isOurs) pod = next;
    else gone.abort();
    notify();
  }

  async function refresh(): Promise<void> {
    try {
      update(await getPod(client, name, { signal: stopping.signal, retryMs: 0 }));
    } catch (error) {
      if (!isApiError(error, 404)) throw error;
      update(undefined);
    }
    refusal = undefined;
  }

  async function follow(since: string | undefined): Promise<void> {
    const events = watch<Pod>(client, toPath(client, "pods"), {
      fieldSelector: `metadata.name=${name}`,
      resourceVersion: since,
      signal: stopping.signal,
    });
    for await (const { type, object } of events) {
      if (object.metadata.uid !== uid || type === "BOOKMARK") continue;
      update(object);
      if (type === "DELETED") update(undefined);
    }
  }

  async function run(): Promise<void> {
    const over = AbortSignal.any([gone.signal, stopping.signal]);
    // A server discards old versions (410 Gone); the next watch then begins with the current state.
    let isVersionExpired = false;
    for (let pause = 200; !over.aborted; pause = Math.min(pause * 2, 5000)) {
      try {
        await follow(isVersionExpired ? undefined : pod.metadata.resourceVersion);
        [pause, isVersionExpired] = [200, false];
      } catch (error) {
        isVersionExpired = isApiError(error, 410);
        if (isRefusal(error)) {
          logger.info('the role does not allow to "watch" pods: the pod is polled instead');
          const onRefusal = ({ message }: ApiError) => {
            refusal ??= message;
            notify();
          };
          return await poll(refresh, { logger, signal: stopping.signal, gone: gone.signal, onRefusal });
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
    changed,
    refresh,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await running;
    },
  };
}

function createChange(): { readonly changed: () => Promise<void>; readonly notify: () => void } {
  let change = Promise.withResolvers<void>();
  return {
    changed: () => change.promise,
    notify() {
      const { resolve } = change;
      change = Promise.withResolvers();
      resolve();
    },
  };
}

/** Polls the pod until its deletion, at a growing interval. */
async function poll(
  refresh: () => Promise<void>,
  {
    logger,
    signal,
    gone,
    onRefusal,
  }: {
    readonly logger: Logger;
    readonly signal: AbortSignal;
    readonly gone: AbortSignal;
    readonly onRefusal: (error: ApiError) => void;
  },
): Promise<void> {
  for (let pause = firstPollMs; !gone.aborted; pause = Math.min(pause * 1.05, maxPollMs)) {
    await sleep(pause, undefined, { signal });
    await refresh().catch((error: unknown) => {
      if (isRefusal(error)) onRefusal(error);
      logger.debug(toMessage(error));
    });
  }
}
