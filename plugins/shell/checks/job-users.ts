import type { CheckContext } from "signalman";
import { type CoreConfig, coreName, findJobUsers } from "signalman/host";
import type { JobUser } from "signalman/executor";

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
