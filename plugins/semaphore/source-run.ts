import { type JobSourceContext, type LeftJob, type StopReason, toMessage, untilAborted } from "signalman";
import { createAnnouncements } from "./announcements.ts";
import { createHubClient, type HubClient } from "./client.ts";
import type { SemaphoreConfig } from "./config.ts";
import { disconnect } from "./disconnect.ts";
import { selectLeftJobs, stopUnassigned } from "./left-jobs.ts";
import { register } from "./register.ts";
import { createRegistrationStore, type Registration, type RegistrationStore } from "./registration.ts";
import {
  type ServeOptions,
  serveRegistration,
  type ServiceEnd,
  toDrainReason,
} from "./serve-registration.ts";
import { loadSettings } from "./settings.ts";

export interface SemaphoreSourceOptions {
  readonly config: SemaphoreConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly argv: readonly string[];
}

/** Runs the source until it has disconnected, and resolves to the reason. */
export async function runSemaphoreSource(
  { config, env, argv }: SemaphoreSourceOptions,
  context: JobSourceContext,
): Promise<StopReason> {
  const { state, logger, signals } = context;
  const settings = await loadSettings(config, { env, argv, ...context });
  const store = createRegistrationStore(settings, state, logger);
  const announcements = createAnnouncements(context, settings.endpoint);
  const toClient = ({ accessToken: token }: Registration) =>
    createHubClient({
      ...settings,
      token,
      version: context.version,
      timeoutMs: settings.limits.requestTimeoutMs,
      maxBodyBytes: settings.limits.maxBodyBytes,
    });
  const place = { context, settings, store, announcements };
  const serve = (registration: Registration, how: Pick<ServeOptions, "isResumed" | "left">) =>
    serveRegistration({ ...place, client: toClient(registration), registration, ...how });

  // 1. Resume the registration of an earlier process, and its job.
  const { assigned, unassigned } = selectLeftJobs(context.jobs.left, store.assignedJob);
  const resumed = await resumeRegistration(store, {
    hasJob: assigned !== undefined,
    toClient,
    context,
  });
  const stopLeft = (left: readonly LeftJob[]) =>
    untilAborted(signals.handOver, stopUnassigned(left, context));
  if (resumed) await stopLeft(unassigned);
  let end: ServiceEnd = resumed ? await serve(resumed, { isResumed: true, left: assigned }) : "gone";

  // 2. Register anew, also after each pause. Jobs of an earlier registration are stopped only after that: a wrong
  // token must not cost them.
  let hasPaused = end === "paused";
  let hasUnknownJobs = !resumed;
  while (end === "gone" || end === "paused") {
    const next = await findNextRegistration({ ...place, hasPaused, isPaused: end === "paused" });
    if (typeof next === "string") return next;
    if (hasUnknownJobs) {
      store.unassign();
      await stopLeft(context.jobs.left);
      hasUnknownJobs = false;
    }
    end = await serve(next.registration, { isResumed: next.isResumed, left: undefined });
    hasPaused ||= end === "paused";
  }
  return end;
}

interface NextOptions extends Pick<ServeOptions, "context" | "settings" | "store" | "announcements"> {
  /** The slot was paused at any time. */
  readonly hasPaused: boolean;
  /** The slot has left its last registration because it was paused. */
  readonly isPaused: boolean;
}

/**
 * Waits until the slot is admitted, and registers it. Resolves to the reason when the agent must shut down instead.
 */
async function findNextRegistration({
  context,
  settings,
  store,
  announcements,
  hasPaused,
  isPaused,
}: NextOptions): Promise<{ registration: Registration; isResumed: boolean } | StopReason> {
  const { signals, logger, version, admission } = context;
  const quit = AbortSignal.any([signals.interrupt, signals.drain, signals.handOver]);
  const leave = async (reason: StopReason): Promise<StopReason> => {
    if (!signals.handOver.aborted) announcements.draining(reason);
    await announcements.settled();
    return reason;
  };
  await admission.admitted(quit);
  if (admission.paused.aborted) return leave(toQuitReason(context, store));

  // A slot that could not disconnect before its pause may still be registered.
  const kept = isPaused ? store.find() : undefined;
  if (kept !== undefined) return { registration: kept.registration, isResumed: true };
  try {
    const registration = await register({
      settings,
      store,
      version,
      logger,
      signal: quit,
      isAgain: hasPaused,
    });
    if (registration !== undefined) return { registration, isResumed: false };
  } catch (error) {
    if (!hasPaused) throw error;
    logger.error(toMessage(error));
    return leave("unable-to-sync");
  }
  const reason = toQuitReason(context, store);
  return hasPaused ? leave(reason) : reason;
}

interface ResumeOptions {
  readonly hasJob: boolean;
  readonly context: JobSourceContext;
  toClient(registration: Registration): HubClient;
}

/**
 * Resumes a saved registration that has a job or equals a new one. Any other one is disconnected and removed.
 */
async function resumeRegistration(
  store: RegistrationStore,
  options: ResumeOptions,
): Promise<Registration | undefined> {
  const { hasJob, toClient, context } = options;
  const found = store.find();
  if (found?.isCurrent || (found && (hasJob || store.assignedJob !== undefined))) return found.registration;
  if (found !== undefined) {
    const { logger, signals } = context;
    const attempts = { count: 1, intervalMs: 0 };
    await disconnect({ client: toClient(found.registration), attempts, logger, signal: signals.handOver });
    store.forget();
  }
  return undefined;
}

function toQuitReason({ signals, jobs }: JobSourceContext, store: RegistrationStore): StopReason {
  if (!signals.handOver.aborted && jobs.left.length === 0) store.forget();
  return signals.interrupt.aborted ? "interrupted" : toDrainReason(signals.drain);
}
