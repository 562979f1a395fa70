import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { CleanUpContext } from "../../core/contracts/executor.ts";
import { createCookie } from "../../os/processes/cookie.ts";
import { openJobGroup } from "../../os/cgroup/job-group.ts";
import { findGroupPlace, toGroupName, toGroupPrefix } from "../../os/cgroup/place.ts";

/**
 * Ends what is in the control groups that jobs of this agent left, and removes them: those of one job, or of
 * all jobs except those that run. For `ExecutorFactory.cleanUp`.
 */
export async function removeLeftGroups(context: CleanUpContext): Promise<void> {
  const { agentId, jobId, logger } = context;
  const place = findGroupPlace();
  if ("reason" in place) return;
  const prefix = jobId === undefined ? toGroupPrefix(agentId) : toJobPrefix(agentId, jobId);
  const names = readdirSync(place.directory).filter((name) => name.startsWith(prefix));
  // Read after the list, so that a job that has just started is spared.
  const spared = context.runningJobs.map((id) => toJobPrefix(agentId, id));
  for (const name of names.filter((one) => !spared.some((job) => one.startsWith(job)))) {
    const group = openJobGroup(join(place.directory, name));
    const processes = group.pids().length;
    const left = await group.remove();
    if (left.length > 0)
      logger.warn(`processes in the control group "${group.directory}" cannot be ended`, {
        pids: left.join(),
      });
    else logger.info("removed the control group of an earlier job", { group: name, processes });
  }
}

/** The cookie's name ends in a nonce. */
function toJobPrefix(agentId: string, jobId: string): string {
  const name = toGroupName(agentId, createCookie(jobId));
  return name.slice(0, name.lastIndexOf("_") + 1);
}
