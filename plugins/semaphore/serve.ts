import { type JobSourceContext, type LeftJob, type StopReason, toMessage } from "signalman";
import { createAssurance } from "./assurance.ts";
import { type Assignment, type AssignmentOptions, claimAssignment, fetchAssignment } from "./assignment.ts";
import type { HubClient } from "./client.ts";
import { disconnect } from "./disconnect.ts";
import { createMachine, type Leave, type Machine } from "./machine.ts";
import { createOutage } from "./outage.ts";
import type { Registration, RegistrationStore } from "./registration.ts";
import { sleep } from "./retry.ts";
import type { Attempts, Settings } from "./settings.ts";
import { startSyncLoop, type SyncLoopOptions } from "./sync-loop.ts";

export interface ServeOptions {
  readonly context: JobSourceContext;
  readonly settings: Settings;
  readonly store: RegistrationStore;
  readonly client: HubClient;
  readonly registration: Registration;
  /** It comes from an earlier process, and may be known no more. */
  readonly isTentative: boolean;
  /** The job that an earlier process has left with it. */
  readonly left: LeftJob | undefined;
}

/**
 * The life of one registration: syncs, jobs, leaving. Resolves to why the agent goes; to `undefined` when nobody knows the
 * registration from disk any more.
 */
export async function serve(options: ServeOptions): Promise<StopReason | undefined> {
  const { context, settings, store, client, registration } = options;
  const { logger, signals } = context;
  const { limits, origin } = settings;
  let assignment: Assignment | undefined;
  const assurance = createAssurance({ isSure: !options.isTentative });
  let settled: Promise<void> = Promise.resolve();

  // Whoever listens may be slow: the control plane does not wait for that.
  const announce = (call: () => Promise<void>): void => {
    const said = call().catch((error: unknown) => logger.error(toMessage(error)));
    settled = settled.then(() => said);
  };
  const announceRegistered = () => announce(() => context.registered(registration.name, settings.endpoint));
  let isDraining = false;
  const announceDraining = (reason: StopReason): void => {
    if (!isDraining) announce(() => context.draining(reason));
    isDraining = true;
  };

  const toOptions = (jobId: string): AssignmentOptions => ({
    jobId,
    context,
    client,
    origin,
    ca: settings.ca,
    attempts: limits.getJob,
    assured: assurance.assured,
    onRunning: () => loop.tell({ kind: "job-running", jobId }),
    onEnded: (result) => loop.tell({ kind: "job-ended", jobId, result }),
  });
  const perform: SyncLoopOptions["perform"] = (action) => {
    switch (action.kind) {
      case "fetch":
        context.jobs.expect(action.jobId);
        store.assign(action.jobId);
        assignment = fetchAssignment(toOptions(action.jobId));
        break;
      case "stop":
        assignment?.stop();
        break;
      case "lose":
        assignment?.lose();
        break;
      case "doubt":
        assurance.doubt();
        break;
      case "assure":
        assurance.assure();
        break;
      case "release": {
        store.unassign();
        const released = assignment?.release();
        settled = settled.then(() => released);
        assignment = undefined;
      }
    }
  };

  // 1. From here on the control plane hears from us.
  const loop = startSyncLoop({
    client,
    machine: toMachine(options),
    rules: { ...limits, ...registration.terms },
    interval: { minMs: limits.syncMinMs, maxMs: limits.syncMaxMs },
    logger,
    outage: createOutage(logger, settings.endpoint),
    perform,
    onSynced: context.synced,
    onConfirmed() {
      if (!options.isTentative) return;
      logger.info(`goes on as ${registration.name}`, { endpoint: settings.endpoint });
      announceRegistered();
    },
  });
  if (!options.isTentative) announceRegistered();
  if (options.left !== undefined) assignment = claimAssignment(options.left, toOptions(options.left.id));
  else if (store.assignedJob !== undefined) assignment = fetchAssignment(toOptions(store.assignedJob));

  // 2. What the operator wants goes in, until it is time to leave.
  using _interrupt = onAbort(signals.interrupt, () => {
    announceDraining("interrupted");
    loop.tell({ kind: "interrupted", at: performance.now(), unixSeconds: signals.interruptedAt });
  });
  using _drain = onAbort(signals.drain, () => {
    announceDraining(toDrainReason(signals.drain));
    loop.tell({ kind: "drained" });
  });
  const handedOver = Promise.withResolvers<undefined>();
  using _handOver = onAbort(signals.handOver, () => handedOver.resolve(undefined));
  const end = await Promise.race([loop.left, handedOver.promise]);
  loop.stop();
  if (end === undefined) {
    // The request of a job comes only once: whoever takes over must find it on disk.
    await Promise.race([assignment?.begun, sleep(handOverMs)]);
    return "requested";
  }

  // 3. No word to a control plane that still waits for a result: it would forget the job (protocol section 2.9).
  const { leave, machine } = end;
  if (leave.contact === "gone" && machine.isTentative) {
    store.forget();
    await settled;
    return undefined;
  }
  // What is known there as interrupted was so in an earlier process: this one registers anew.
  const isStale = leave.reason === "interrupted" && options.isTentative && !signals.interrupt.aborted;
  if (!isStale) announceDraining(leave.reason);
  const attempts = toAttempts(leave, limits.disconnect);
  if (!leave.owes && (await disconnect({ client, attempts, logger, signal: signals.handOver })))
    store.forget();
  await settled;
  if (isStale && !leave.owes) return undefined;
  return leave.reason === "requested" && signals.drain.aborted ? toDrainReason(signals.drain) : leave.reason;
}

/** Why whoever drains this agent does so. */
export function toDrainReason(drain: AbortSignal): StopReason {
  return typeof drain.reason === "string" ? (drain.reason as StopReason) : "requested";
}

const handOverMs = 5000;

function toMachine({ isTentative, left, store }: ServeOptions): Machine {
  const start = { lastGoodAt: performance.now(), isTentative, isDoubtful: isTentative };
  if (left !== undefined) return createMachine({ ...start, state: "running-job", jobId: left.id });
  const jobId = store.assignedJob;
  if (jobId !== undefined) return createMachine({ ...start, state: "starting-job", jobId });
  return createMachine(start);
}

/** Who does not answer to a sync will hardly answer to this. */
function toAttempts({ contact }: Leave, attempts: Attempts): Attempts {
  const most = { kept: attempts.count, lost: 3, gone: 1 }[contact];
  return { ...attempts, count: Math.min(attempts.count, most) };
}

function onAbort(signal: AbortSignal, listener: () => void): Disposable {
  if (signal.aborted) listener();
  else signal.addEventListener("abort", listener, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", listener) };
}
