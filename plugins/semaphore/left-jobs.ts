import { AgentError, type JobSourceContext, type LeftJob } from "signalman";

export interface LeftJobs {
  /** The one that is assigned to the registration that was kept. */
  readonly mine: LeftJob | undefined;
  /** Those that nobody waits for. */
  readonly strangers: readonly LeftJob[];
}

/** A control plane gives an agent one job. Which one it is was kept; a single one without that note is taken for it. */
export function chooseLeft(left: readonly LeftJob[], assignedJob: string | undefined): LeftJobs {
  const mine =
    left.find(({ id }) => id === assignedJob) ??
    (assignedJob === undefined && left.length === 1 ? left[0] : undefined);
  return { mine, strangers: left.filter((job) => job !== mine) };
}

/** Ends jobs whose result no control plane would take any more. Their logs stay on this host. */
export async function endStrangers(
  strangers: readonly LeftJob[],
  { logger }: Pick<JobSourceContext, "logger">,
): Promise<void> {
  const end = async (left: LeftJob): Promise<void> => {
    logger.warn(`job ${left.id} was left, and is assigned to no registration that we have: stopping it`);
    const job = await left.claim({
      lost: AbortSignal.abort(),
      async refreshToken() {
        throw new AgentError(
          "CONTROL_PLANE_FAILED",
          `no token for the log of job "${left.id}": it is assigned to nobody`,
        );
      },
    });
    job.stop();
    await job.done;
    await job.release();
  };
  for (const outcome of await Promise.allSettled(strangers.map(end))) {
    if (outcome.status === "rejected")
      logger.error("a job that was left could not be ended", { error: outcome.reason });
  }
}
