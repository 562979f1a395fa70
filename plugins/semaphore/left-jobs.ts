import { AgentError, type JobSourceContext, type LeftJob } from "signalman";

export interface LeftJobs {
  /** The job that is assigned to the resumed registration. */
  readonly assigned: LeftJob | undefined;
  /** The jobs that are assigned to no registration. */
  readonly unassigned: readonly LeftJob[];
}

/**
 * Finds the job of the resumed registration among the jobs that an earlier process left. Its id was saved; a
 * single job counts as assigned when no id was saved.
 */
export function selectLeftJobs(left: readonly LeftJob[], assignedJob: string | undefined): LeftJobs {
  const assigned =
    left.find(({ id }) => id === assignedJob) ??
    (assignedJob === undefined && left.length === 1 ? left[0] : undefined);
  return { assigned, unassigned: left.filter((job) => job !== assigned) };
}

/** Stops and releases jobs whose result no control plane accepts any more. Their logs stay on this host. */
export async function stopUnassigned(
  unassigned: readonly LeftJob[],
  { logger }: Pick<JobSourceContext, "logger">,
): Promise<void> {
  const stop = async (left: LeftJob): Promise<void> => {
    logger.warn(`stopping job ${left.id} of an earlier process: it is assigned to no registration`);
    const job = await left.claim({
      lost: AbortSignal.abort(),
      async refreshToken() {
        throw new AgentError(
          "CONTROL_PLANE_FAILED",
          `the log token of job "${left.id}" cannot be renewed: the job is assigned to no registration`,
        );
      },
    });
    job.stop({ by: "agent", reason: "the job is assigned to no registration" });
    await job.done;
    await job.release();
  };
  for (const outcome of await Promise.allSettled(unassigned.map(stop))) {
    if (outcome.status === "rejected") {
      logger.error("stopping a job of an earlier process failed", { error: outcome.reason });
    }
  }
}
