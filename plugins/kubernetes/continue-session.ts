import { AgentError, type ExecutorContext } from "signalman";
import { findOpened, readLeftSession } from "signalman/executor";
import { isApiError } from "./client/api-error.ts";
import type { Client } from "./client/client.ts";
import type { Pod } from "./client/objects.ts";
import { getPod } from "./client/resources.ts";
import { readPodEnd } from "./open-session.ts";
import { openShell, type PodSession, type SessionHandle, toOwner } from "./open-shell.ts";
import { mainContainer } from "./pod/build-pod.ts";
import { openLink } from "./session/link.ts";
import { takeOwnership } from "./session/own.ts";
import type { KubernetesSettings } from "./settings.ts";
import type { LeaseGuard } from "./lease/lease-guard.ts";
import type { PodWatch } from "./wait/pod-watch.ts";

/** Finds the pod in which an earlier process of the job has opened its session. Rejects when it is gone. */
export async function findLeftPod(
  client: Client,
  name: string,
  { context, signal }: { readonly context: ExecutorContext; readonly signal: AbortSignal },
): Promise<Pod> {
  const { uid } = (findOpened(context.journal?.left ?? [])?.handle ?? {}) as Partial<SessionHandle>;
  try {
    const pod = await getPod(client, name, { signal, retryMs: findMs });
    if (pod.metadata.uid === uid) return pod;
  } catch (error) {
    if (!isApiError(error, 404)) throw error;
  }
  throw new AgentError("SESSION_FAILED", `the job's pod "${name}" is gone`);
}

/** Milliseconds for which the API server may not answer. */
const findMs = 300_000;

/** Continues the session of an earlier process of the job at the byte that its journal names. */
export async function continueSession(options: {
  readonly client: Client;
  readonly context: ExecutorContext;
  readonly settings: KubernetesSettings;
  readonly guard: LeaseGuard;
  readonly watch: PodWatch;
  readonly signal: AbortSignal;
}): Promise<PodSession> {
  const { client, context, settings, guard, watch, signal } = options;
  const { journal, logger } = context;
  const { name, uid = "" } = watch.pod.metadata;
  const place = { pod: name, container: mainContainer };
  const { lostTimeoutMs } = settings;
  const findPodEnd = () => readPodEnd(watch);
  const owner = journal!.owner;
  const step = await takeOwnership({ client, ...place, owner, retryMs: lostTimeoutMs, findPodEnd, signal });
  if (step === "fenced") {
    journal!.fenced();
    throw new AgentError("SESSION_FAILED", "a later process of the job owns its session");
  }
  const left = readLeftSession(journal!.left, step)!;
  await using cleanup = new AsyncDisposableStack();
  const link = openLink({
    client,
    ...place,
    ...toOwner(context),
    logger,
    lostTimeoutMs,
    onReceive: guard.check,
    findPodEnd,
    continued: { step, offset: left.checkpoint?.offset ?? left.base.offset },
  });
  cleanup.defer(() => link.close());
  return await openShell({ ...options, place, uid, link, isHeld: true, left, cleanup });
}
