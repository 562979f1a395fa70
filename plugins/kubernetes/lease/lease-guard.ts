import type { Logger } from "signalman";
import { toLeaseFile, viewLease } from "./lease-file.ts";

/** Ends a job's process when its agent has lost the lease: another agent may have taken the job over. */
export interface LeaseGuard extends Disposable {
  /** Whether the agent has a lease. */
  readonly isHeld: boolean;
  /** Called before anything that the job's pod has sent is used. Does not return when the lease has ended. */
  check(): void;
}

const pollMs = 500;

/** Returns a guard that does nothing when the agent has no lease. */
export function guardLease(stateDirectory: string | undefined, logger: Logger): LeaseGuard {
  const view = stateDirectory === undefined ? undefined : viewLease(toLeaseFile(stateDirectory));
  if (!view) return { isHeld: false, check() {}, [Symbol.dispose]() {} };
  const check = () => {
    const end = view.findEnd();
    if (end === undefined) return;
    logger.error(`${end}; the job's process ends without a report`);
    process.kill(process.pid, "SIGKILL");
  };
  const timer = setInterval(() => {
    view.refresh();
    check();
  }, pollMs);
  timer.unref();
  return { isHeld: true, check, [Symbol.dispose]: () => clearInterval(timer) };
}

/** Milliseconds after which every process of a job has seen that the lease has ended. */
export const noticeMs = 2 * pollMs;
