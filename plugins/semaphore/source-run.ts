import { type JobSourceContext, type LeftJob, type StopReason, untilAborted } from "signalman";
import { createHubClient, type HubClient } from "./client.ts";
import type { SemaphoreConfig } from "./config.ts";
import { disconnect } from "./disconnect.ts";
import { selectLeftJobs, stopUnassigned } from "./left-jobs.ts";
import { register } from "./register.ts";
import { createRegistrationStore, type Registration, type RegistrationStore } from "./registration.ts";
import { serveRegistration, toDrainReason } from "./serve-registration.ts";
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
  const quit = AbortSignal.any([signals.interrupt, signals.drain, signals.handOver]);
  const toClient = ({ accessToken: token }: Registration) =>
    createHubClient({
      ...settings,
      token,
      version: context.version,
      timeoutMs: settings.limits.requestTimeoutMs,
      maxBodyBytes: settings.limits.maxBodyBytes,
    });

  const serve = (registration: Registration, left?: LeftJob) =>
    serveRegistration({
      context,
      settings,
      store,
      client: toClient(registration),
      registration,
      isResumed: registration === resumed,
      left,
    });

  // 1. Resume the registration of an earlier process, and its job.
  const { assigned, unassigned } = selectLeftJobs(context.jobs.left, store.assignedJob);
  const resumed = await resumeRegistration(store, {
    hasJob: assigned !== undefined,
    toClient,
    context,
  });
  const stopLeft = (left: readonly LeftJob[]) =>
    untilAborted(signals.handOver, stopUnassigned(left, context));
  if (resumed) {
    await stopLeft(unassigned);
    const reason = await serve(resumed, assigned);
    if (reason !== undefined) return reason;
  }

  // 2. Register anew. Jobs of an earlier registration are stopped only after that: a wrong token must not
  // cost them.
  const registration = await register({
    settings,
    store,
    version: context.version,
    logger,
    signal: quit,
  });
  if (registration === undefined) return toQuitReason(context, store);
  if (!resumed) {
    store.unassign();
    await stopLeft(context.jobs.left);
  }
  return (await serve(registration)) ?? toQuitReason(context, store);
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
