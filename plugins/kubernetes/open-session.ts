import { AgentError, type ExecutorContext, onAbort, type Output } from "signalman";
import type { Client } from "./client/client.ts";
import type { Pod } from "./client/objects.ts";
import { mainContainer } from "./pod/build-pod.ts";
import { type Link, type LinkStart, openLink } from "./session/link.ts";
import { openShell, type PodSession, toOwner } from "./open-shell.ts";
import type { KubernetesSettings } from "./settings.ts";
import { findPodEnd } from "./wait/pod-end.ts";
import type { LeaseGuard } from "./lease/lease-guard.ts";
import type { PodWatch } from "./wait/pod-watch.ts";
import { createPullObserver } from "./wait/pulls.ts";
import { waitForPod } from "./wait/wait-for-pod.ts";

export interface OpenSessionOptions {
  readonly client: Client;
  readonly context: ExecutorContext;
  readonly settings: KubernetesSettings;
  readonly guard: LeaseGuard;
  readonly watch: PodWatch;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/** Waits for the pod and opens the session in it as early as possible. */
export async function openSession(options: OpenSessionOptions): Promise<PodSession> {
  const { client, context, settings, guard, watch, output, signal } = options;
  const { logger } = context;
  const { pod } = watch;
  await using cleanup = new AsyncDisposableStack();
  const place = { pod: pod.metadata.name, container: mainContainer };
  const connect = () => {
    if (cleanup.disposed) throw new Error("the session was closed");
    const link = openLink({
      client,
      ...place,
      ...toOwner(context),
      logger,
      lostTimeoutMs: settings.lostTimeoutMs,
      onReceive: guard.check,
      findPodEnd: () => readPodEnd(watch),
    });
    cleanup.defer(() => link.close());
    return link;
  };

  // 1. The pod. A pod with one container and no probe is ready when it answers, a second before its status
  //    changes.
  const early = isReadyWhenRunning(pod) ? whenScheduled(watch).then(connect) : undefined;
  const connected = early ? untilConnected(early) : new Promise<void>(() => {});
  const pulls = createPullObserver(context);
  await waitForPod({
    client,
    watch,
    logger,
    signal,
    timeoutMs: settings.podStartTimeoutMs,
    onLine: (line) => output(`${line}\n`),
    showProgress: context.showProgress,
    onEvent: pulls.onEvent,
    connected,
  });
  output("Pod is ready.\nStarting a new bash session in the pod...\n");

  // 2. The connection, and a terminal that survives its loss.
  const link = early ? await early : connect();
  const isHeld = (await waitForConnection(link, settings.podStartTimeoutMs, signal)) === "held";
  if (!isHeld)
    logger.warn(
      'the job\'s image has no "script" (util-linux or busybox): its session ends when the connection to the pod breaks',
    );
  if (!isHeld) context.journal?.write({ is: "unresumable", reason: 'the job\'s image has no "script"' });
  const session = await openShell({ ...options, place, link, isHeld, uid: pod.metadata.uid ?? "", cleanup });
  output("Shell session is ready.\n");
  return session;
}

/** Resolves to why the pod has ended; to `undefined` when it runs or the API server does not answer. */
export async function readPodEnd(watch: PodWatch): Promise<string | undefined> {
  await watch.refresh().catch(() => {});
  return findPodEnd(watch.pod, watch.isGone);
}

function isReadyWhenRunning({ spec }: Pod): boolean {
  const [main, ...others] = spec.containers ?? [];
  return others.length === 0 && main?.readinessProbe === undefined && main?.startupProbe === undefined;
}

/** Resolves when the first connection is established. Stays pending after a failure. */
async function untilConnected(early: Promise<Link>): Promise<void> {
  try {
    await (
      await early
    ).started;
  } catch {
    await new Promise(() => {});
  }
}

async function whenScheduled(watch: PodWatch): Promise<void> {
  for (let change = watch.changed(); watch.pod.spec.nodeName === undefined; change = watch.changed())
    await change;
}

/** Waits for the first connection to a ready pod. */
async function waitForConnection(link: Link, timeoutMs: number, signal: AbortSignal): Promise<LinkStart> {
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const onTimeout = () =>
    reject(new AgentError("SESSION_FAILED", `could not connect to the ready pod: ${link.failure}`));
  const timer = setTimeout(onTimeout, timeoutMs);
  using _listener = onAbort(signal, () => reject(signal.reason));
  try {
    return await Promise.race([link.started, stopped]);
  } finally {
    clearTimeout(timer);
    stopped.catch(() => {});
  }
}
