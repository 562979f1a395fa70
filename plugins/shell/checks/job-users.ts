import { type CheckContext, type CoreConfig, coreName, findJobUsers } from "signalman";
import type { JobUser } from "signalman/terminal";

/**
 * Finds the users of the slots' jobs; none when an option is wrong, which the check of the job's user
 * reports.
 */
export function findUsers(config: CheckContext["config"]): readonly JobUser[] {
  const core = config.of(coreName) as CoreConfig | undefined;
  try {
    return (core && findJobUsers(core, core.slots)) ?? [];
  } catch {
    return [];
  }
}
