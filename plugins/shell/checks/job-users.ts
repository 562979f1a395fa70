import { type CheckContext, type Finding, toMessage } from "signalman";
import { findCore, findJobUsers } from "signalman/host";
import type { JobUser } from "signalman/executor";
import { assertNoneKept } from "../keep-processes.ts";

/**
 * Finds the users of the slots' jobs; none when an option is wrong, which the check of the job's user
 * reports.
 */
export function findUsers(config: CheckContext["config"]): readonly JobUser[] {
  const core = findCore(config);
  try {
    return (core && findJobUsers(core, core.slots)) ?? [];
  } catch {
    return [];
  }
}

/** Reports `keep-processes` for users whose processes all end with their job. */
export function checkKeepProcesses(config: CheckContext["config"], patterns: readonly string[]): Finding[] {
  try {
    assertNoneKept(patterns, findUsers(config));
    return [];
  } catch (error) {
    const remedy = 'unset "keep-processes", or set "end-user-processes" to false';
    return [{ level: "error", title: toMessage(error), remedy }];
  }
}
