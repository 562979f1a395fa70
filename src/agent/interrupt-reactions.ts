import type { Program } from "../core/contracts/command.ts";
import type { Host } from "../core/contracts/host.ts";
import { exitProgram } from "../os/this-process/exit-guard.ts";
import { announceInterrupt } from "./lifecycle.ts";
import type { OperatorSignals } from "./operator-signals.ts";
import type { SlotJobs } from "./slot-jobs.ts";

/** What the operator's signals act on. */
export type RunningJobs = Pick<
  SlotJobs,
  "hangingHooks" | "isBusy" | "areContinuable" | "areServed" | "stopAll" | "killAll"
>;

/** Returns what the operator's signals do. Plugins are asked from `askPlugins` on. */
export function toReactions(jobs: readonly RunningJobs[], { logger }: Program) {
  let ask: (() => Promise<void>) | undefined;
  return {
    askPlugins(host: Pick<Host, "call">, signals: Pick<OperatorSignals, "startHandOver">) {
      ask = () =>
        announceInterrupt(host, {
          async areContinuable() {
            return (await Promise.all(jobs.map((each) => each.areContinuable()))).every(Boolean);
          },
          async areServed() {
            return (await Promise.all(jobs.map((each) => each.areServed()))).some(Boolean);
          },
          handOver: signals.startHandOver,
          stopJobs: (reason) => jobs.forEach((each) => each.stopAll({ by: "agent", reason })),
        });
    },
    onFirst: () => (jobs.some((each) => each.isBusy()) ? ask?.() : undefined),
    onInterrupt: () =>
      logger.info("interrupted: running jobs may finish within their grace period, and no other is taken"),
    onDrain: () => logger.info("draining: running jobs finish, and no other is taken"),
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
