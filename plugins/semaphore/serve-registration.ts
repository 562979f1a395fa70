import {
  type AgentSignals,
  createOutageLog,
  type LeftJob,
  onAbort,
  type StopReason,
  waitAtMost,
} from "signalman";
import { type AgentState, createAgentState, type Shutdown } from "./agent-state.ts";
import type { Announcements } from "./announcements.ts";
import { createCurrentJob, type CurrentJobOptions } from "./current-job.ts";
import { disconnect } from "./disconnect.ts";
import type { Registration } from "./registration.ts";
import type { Attempts } from "./settings.ts";
import { startSyncLoop, type SyncLoop } from "./sync-loop.ts";

export interface ServeOptions extends CurrentJobOptions {
  readonly registration: Registration;
  readonly announcements: Announcements;
  /** The job that an earlier process started under this registration. */
  readonly left: LeftJob | undefined;
}

/** `gone`: the control plane does not know a resumed registration any more. `paused`: the slot was paused. */
export type ServiceEnd = StopReason | "gone" | "paused";

/** Serves one registration until the agent shuts down or is paused: syncs, runs jobs, disconnects. */
export async function serveRegistration(options: ServeOptions): Promise<ServiceEnd> {
  const { context, settings, registration, client, isResumed, announcements } = options;
  const { logger, signals } = context;
  const { limits, endpoint } = settings;
  const job = createCurrentJob(options, announcements, (event) => loop.dispatch(event));

  // 1. Sync with the control plane, and resume the job of an earlier process.
  const loop = startSyncLoop({
    client,
    agent: toInitialState(options),
    rules: { ...limits, ...registration.terms },
    interval: { minMs: limits.syncMinMs, maxMs: limits.syncMaxMs },
    logger,
    outage: createOutageLog({
      logger,
      level: "error",
      fields: { endpoint },
      describeFailure: (reason) => `[SYNC ERR] Failed to sync with API: ${reason}`,
      recovery: "sync with API recovered",
    }),
    perform: job.perform,
    onSynced: context.synced,
    onConfirmed() {
      if (!isResumed) return;
      logger.info(`resumed registration as ${registration.name}`, { endpoint });
      announcements.registered(registration.name);
    },
  });
  if (!isResumed) announcements.registered(registration.name);
  job.resume(options.left);

  // 2. Pass the operator's signals on until the agent shuts down or hands over.
  using _signals = forwardSignals(signals, loop, announcements);
  using _pause = onAbort(context.admission.paused, () => loop.dispatch({ kind: "paused" }));
  const handedOver = Promise.withResolvers<undefined>();
  using _handOver = onAbort(signals.handOver, () => handedOver.resolve(undefined));
  const end = await Promise.race([loop.ended, handedOver.promise]);
  loop.stop();
  if (end === undefined) {
    // The control plane hands a request out once, so the next process must find it on disk.
    if (job.begun) await waitAtMost(job.begun, handOverMs);
    return "requested";
  }

  // 3. Disconnect.
  return finish(options, end);
}

/** The reason that a drain was requested for. */
export function toDrainReason(drain: AbortSignal): StopReason {
  return typeof drain.reason === "string" ? (drain.reason as StopReason) : "requested";
}

const handOverMs = 5000;

interface End {
  readonly shutdown: Shutdown;
  readonly agent: AgentState;
}

/**
 * Disconnects, unless a result is unreported: a disconnect would make the control plane forget that job
 * (protocol section 2.9).
 */
async function finish(
  { context, settings, store, client, isResumed, announcements }: ServeOptions,
  { shutdown, agent }: End,
): Promise<ServiceEnd> {
  const { logger, signals } = context;
  const { reason } = shutdown;
  if (shutdown.contact === "gone" && agent.isUnconfirmed) {
    store.forget();
    await announcements.settled();
    return "gone";
  }
  // The control plane still counts the interrupt of the earlier process: this process registers anew.
  const isStale = reason === "interrupted" && isResumed && !signals.interrupt.aborted;
  if (!isStale && reason !== "paused") announcements.draining(reason);
  if (!shutdown.isReportPending) {
    const attempts = limitAttempts(shutdown, settings.limits.disconnect);
    if (await disconnect({ client, attempts, logger, signal: signals.handOver })) store.forget();
  }
  await announcements.settled();
  if (reason === "paused") context.admission.disconnected();
  if (isStale && !shutdown.isReportPending) return "gone";
  return reason === "requested" && signals.drain.aborted ? toDrainReason(signals.drain) : reason;
}

function toInitialState({ isResumed, left, store }: ServeOptions): AgentState {
  const start = {
    lastGoodAt: performance.now(),
    isUnconfirmed: isResumed,
    isOwnershipDoubtful: isResumed,
  };
  if (left !== undefined) return createAgentState({ ...start, state: "running-job", jobId: left.id });
  const jobId = store.assignedJob;
  if (jobId !== undefined) return createAgentState({ ...start, state: "starting-job", jobId });
  return createAgentState(start);
}

/** A control plane that does not answer syncs will hardly answer a disconnect, so it gets fewer attempts. */
function limitAttempts({ contact }: Shutdown, attempts: Attempts): Attempts {
  const most = { kept: attempts.count, lost: 3, gone: 1 }[contact];
  return { ...attempts, count: Math.min(attempts.count, most) };
}

function forwardSignals(signals: AgentSignals, loop: SyncLoop, announcements: Announcements): Disposable {
  const listeners = new DisposableStack();
  listeners.use(
    onAbort(signals.interrupt, () => {
      announcements.draining("interrupted");
      loop.dispatch({ kind: "interrupted", at: performance.now(), unixSeconds: signals.interruptedAt });
    }),
  );
  listeners.use(
    onAbort(signals.drain, () => {
      announcements.draining(toDrainReason(signals.drain));
      loop.dispatch({ kind: "drained" });
    }),
  );
  return listeners;
}
