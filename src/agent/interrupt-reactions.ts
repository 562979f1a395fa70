import type { Program } from "../core/contracts/command.ts";
import { exitProgram } from "../os/this-process/exit-guard.ts";
import type { SlotJobs } from "./slot-jobs.ts";

/** What the operator's further signals act on. */
export type RunningJobs = Pick<SlotJobs, "hangingHooks" | "stopAll" | "killAll">;

/** Returns what the operator's signals do after the first one. */
export function toReactions(jobs: readonly RunningJobs[], { logger }: Program) {
  return {
    onSecond() {
      logger.warn("second interrupt: stopping the running jobs");
      jobs.forEach((each) => each.stopAll({ by: "operator", reason: "the agent was interrupted twice" }));
    },
    onThird() {
      logger.warn("third interrupt: killing the running jobs and exiting with status 1");
      jobs.forEach((each) =>
        each.killAll({ by: "operator", reason: "the agent was interrupted three times" }),
      );
      exitProgram(1);
    },
    onReopen: () => logger.reopen(),
  };
}
