import type { Logger } from "../../core/contracts/logger.ts";
import { type JobGroup, openJobGroup } from "../../os/cgroup/job-group.ts";
import { isControlGroup, isGroupOf } from "../../os/cgroup/place.ts";
import { endProcesses } from "../../os/processes/end.ts";
import { createJobProcesses } from "../../os/processes/tree.ts";
import { endUserProcesses } from "../../os/users/end-user-processes.ts";
import type { JobProcessRecord } from "../state/job-files.ts";

/** Ends the remaining processes of a job whose job process has died. */
export async function endRemaining(record: Partial<JobProcessRecord>, logger: Logger): Promise<void> {
  const { cookie, uid } = record;
  const exclusiveUid = record.isExclusive ? uid : undefined;
  if (cookie === undefined) return;
  const found = findGroup({ ...record, cookie });
  // Processes of another user can make readers of their memory wait (`/proc/<pid>/environ`): they are killed
  // without being listed.
  if (uid !== undefined) await found?.remove();
  const group = uid === undefined ? found : undefined;
  using processes = createJobProcesses({ cookie, uid, inherited: true, group });
  const { ended: known, left } = await endProcesses(processes, { graceMs: 0 });
  const ended = [...known, ...(exclusiveUid === undefined ? [] : await endUserProcesses(exclusiveUid))];
  for (const { pid, commandLine, comm } of ended)
    logger.info(`ended "${commandLine || comm}", which the job had left running`, { pid });
  for (const { pid, commandLine, comm } of left)
    logger.warn(`could not end "${commandLine || comm}"`, { pid });
  await group?.remove();
}

/**
 * The record is a file that a job of the agent's user can change: only a group of this job's name is killed.
 */
function findGroup({
  controlGroup,
  cookie,
}: Pick<JobProcessRecord, "controlGroup" | "cookie">): JobGroup | undefined {
  const isOwn = controlGroup !== undefined && isGroupOf(controlGroup, cookie) && isControlGroup(controlGroup);
  return isOwn ? openJobGroup(controlGroup) : undefined;
}
