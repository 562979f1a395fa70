import { join } from "node:path";
import { AgentError, type ExecutorContext, toMessage } from "signalman";
import { createJobGroup, type JobGroup, quote } from "signalman/executor";

/**
 * Creates the control group of a job. A job without limits runs without a group where none can be created;
 * one with limits throws `CONTROL_GROUP_FAILED`.
 */
export function createGroup({
  controlGroup,
  options: { limits },
  logger,
}: Pick<ExecutorContext, "controlGroup" | "options" | "logger">): JobGroup | undefined {
  const hasLimits = isLimited(limits);
  try {
    if (controlGroup !== undefined) return createJobGroup(controlGroup, limits);
    if (hasLimits)
      throw new AgentError(
        "CONTROL_GROUP_FAILED",
        "the job's limits need a control group, and this agent may create none",
      );
    logger.debug("the job runs without a control group of its own: the agent may create none");
  } catch (error) {
    if (hasLimits) throw error;
    logger.debug(`the job runs without a control group of its own: ${toMessage(error)}`);
  }
  return undefined;
}

/** How the leader of a terminal enters a control group. */
export interface GroupEntry {
  /** The group in which the terminal's leader starts. */
  readonly controlGroup?: string;
  /** Shell code that the leader runs first. */
  readonly enter: readonly string[];
}

/**
 * Opens a terminal in a job's group. A leader that starts in the group is there at once; to move a process
 * takes the kernel 10 to 20 ms. Where the system refuses the former (`clone3`), the leader enters the group
 * itself.
 */
export function openInGroup<T>(
  group: Pick<JobGroup, "directory"> | undefined,
  limits: Limits,
  open: (entry: GroupEntry) => T,
): T {
  if (group === undefined) return open({ enter: [] });
  try {
    return open({ controlGroup: group.directory, enter: [] });
  } catch {
    return open({ enter: toEntry(group, limits) });
  }
}

/**
 * Returns the shell code by which the leader of the job's terminal enters the group, before anything of the
 * job runs.
 */
export function toEntry({ directory }: Pick<JobGroup, "directory">, limits: Limits): string[] {
  const enter = `echo $$ >${quote(join(directory, "cgroup.procs"))}`;
  // A job without limits runs outside of its group rather than not at all.
  return [isLimited(limits) ? `${enter} || exit 1` : `{ ${enter}; } 2>/dev/null`];
}

type Limits = ExecutorContext["options"]["limits"];

function isLimited(limits: Limits): boolean {
  return Object.keys(limits).length > 0;
}
