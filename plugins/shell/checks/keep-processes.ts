import { type CheckContext, type Finding, toMessage } from "signalman";
import { assertNoneKept } from "../keep-processes.ts";
import { findUsers } from "./job-users.ts";

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
