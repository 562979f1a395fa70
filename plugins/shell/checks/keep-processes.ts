import {
  type CheckContext,
  type CoreConfig,
  coreName,
  findJobUsers,
  type Finding,
  toMessage,
} from "signalman";
import type { JobUser } from "signalman/terminal";
import { assertNoneKept } from "../keep-processes.ts";

/** Checks that `keep-processes` does not keep what the end of a job is to end. */
export function checkKeepProcesses(config: CheckContext["config"], patterns: readonly string[]): Finding[] {
  try {
    assertNoneKept(patterns, findUsers(config));
    return [];
  } catch (error) {
    const remedy = 'unset "keep-processes", or set "end-user-processes" to false';
    return [{ level: "error", title: toMessage(error), remedy }];
  }
}

/** Finds the users of the slots' jobs. The check of the job's user reports what is wrong with them. */
export function findUsers(config: CheckContext["config"]): readonly JobUser[] {
  const core = config.of(coreName) as CoreConfig | undefined;
  try {
    return (core && findJobUsers(core, core.slots)) ?? [];
  } catch {
    return [];
  }
}
