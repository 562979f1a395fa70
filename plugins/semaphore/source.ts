import { aborted, type JobSource, type JobSourceContext, type LeftJob, type StopReason } from "signalman";
import { isUrlName } from "./agent-name.ts";
import { createHubClient, type HubClient } from "./client.ts";
import type { SemaphoreConfig } from "./config.ts";
import { disconnect } from "./disconnect.ts";
import { chooseLeft, endStrangers } from "./left-jobs.ts";
import { register } from "./register.ts";
import { createRegistrationStore, type Registration, type RegistrationStore } from "./registration.ts";
import { serve, toDrainReason } from "./serve.ts";
import { loadSettings } from "./settings.ts";

export interface SemaphoreSourceOptions {
  readonly config: SemaphoreConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly argv: readonly string[];
}

/** Takes jobs from Semaphore's self-hosted hub (protocol section 2). */
export function createSemaphoreSource({ config, env, argv }: SemaphoreSourceOptions): JobSource {
  const name = config.name || (config["name-from-env"] && env[config["name-from-env"]]) || "";
  return {
    identity: [config.endpoint ?? "", isUrlName(name) ? "" : name].filter((part) => part !== "").join(" "),
    async run(context) {
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
        });

      const serveAs = (registration: Registration, left?: LeftJob) =>
        serve({
          context,
          settings,
          store,
          client: toClient(registration),
          registration,
          isTentative: registration === kept,
          left,
        });

      // 1. What an earlier process left is taken up: its registration, and its job with it.
      const { mine, strangers } = chooseLeft(context.jobs.left, store.assignedJob);
      const kept = await takeUp(store, { hasJob: mine !== undefined, toClient, context });
      const endLeft = (left: readonly LeftJob[]) =>
        Promise.race([endStrangers(left, context), aborted(signals.handOver)]);
      if (kept) {
        await endLeft(strangers);
        const reason = await serveAs(kept, mine);
        if (reason !== undefined) return reason;
      }

      // 2. Otherwise, or when nobody knows it any more, the agent registers anew. Not before that is done, jobs of an earlier
      // registration are given up: a wrong token must not cost them.
      const registration = await register({
        settings,
        store,
        version: context.version,
        logger,
        signal: quit,
      });
      if (registration === undefined) return toQuitReason(context, store);
      if (!kept) {
        store.unassign();
        await endLeft(context.jobs.left);
      }
      return (await serveAs(registration)) ?? toQuitReason(context, store);
    },
  };
}

interface TakeUpOptions {
  readonly hasJob: boolean;
  readonly context: JobSourceContext;
  toClient(registration: Registration): HubClient;
}

/** A registration without a job is taken up only if a new one would be the same; otherwise it makes way for the new one. */
async function takeUp(store: RegistrationStore, options: TakeUpOptions): Promise<Registration | undefined> {
  const { hasJob, toClient, context } = options;
  const found = store.find();
  if (found?.isOurs || (found && (hasJob || store.assignedJob !== undefined))) return found.registration;
  if (found !== undefined) {
    const { logger, signals } = context;
    const attempts = { count: 1, intervalMs: 0 };
    await disconnect({ client: toClient(found.registration), attempts, logger, signal: signals.handOver });
  }
  if (found !== undefined) store.forget();
  return undefined;
}

function toQuitReason({ signals, jobs }: JobSourceContext, store: RegistrationStore): StopReason {
  if (!signals.handOver.aborted && jobs.left.length === 0) store.forget();
  return signals.interrupt.aborted ? "interrupted" : toDrainReason(signals.drain);
}
