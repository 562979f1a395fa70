import type { Logger } from "signalman";
import { askSystem, findRootRights, findServiceUnit, toAdvice, toFileSystem } from "signalman/host";
import type { JobUser } from "signalman/executor";
import { findOwnSockets, toSocketTitle } from "./checks/job-user.ts";
import { readFileSync, statfsSync } from "node:fs";

/** Logs a warning for each property of this host that would lose jobs or logs. Never rejects. */
export async function warnOfHost(options: {
  logger: Logger;
  env: Readonly<Record<string, string | undefined>>;
  stateDirectory: string;
}): Promise<void> {
  const { logger, env, stateDirectory } = options;
  try {
    if (toFileSystem(statfsSync(stateDirectory).type).isVolatile) {
      logger.warn(
        `the state directory "${stateDirectory}" is on tmpfs: a restart of the machine loses jobs and logs`,
      );
    }
    const cgroups = readFileSync("/proc/self/cgroup", "utf8");
    const unit = await findServiceUnit({ env, cgroups, run: askSystem });
    const advice = unit && toAdvice(unit);
    if (advice) logger.warn(advice);
  } catch {
    // Not Linux, or /proc is not readable.
  }
}

/** Logs a warning for each right with which jobs could do what root can. Never rejects. */
export async function warnOfUsers(options: {
  logger: Logger;
  env: Readonly<Record<string, string | undefined>>;
  /** `undefined`: jobs run as the agent's user. */
  jobUsers: readonly JobUser[] | undefined;
}): Promise<void> {
  const { logger, env, jobUsers } = options;
  for (const path of jobUsers === undefined ? findOwnSockets(env) : []) logger.warn(toSocketTitle(path));
  for (const user of jobUsers ?? []) {
    for (const { reason, remedy } of await findRootRights(user, { env }))
      logger.warn(`the jobs' user "${user.name}" ${reason}, and so can do what root can: ${remedy}`);
  }
}
