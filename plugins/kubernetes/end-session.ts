import { setTimeout as sleep } from "node:timers/promises";
import { type Logger, onAbort } from "signalman";
import { type Ending, logUnshownOutput } from "signalman/executor";
import type { PodSession } from "./open-session.ts";
import { toStep } from "./session/steps.ts";

/** Milliseconds to wait for the pod's report of the end, after the grace period. */
const reportMs = 5000;

/**
 * Ends all processes of a job in its pod: SIGTERM, and SIGKILL after the grace period. Resolves when the
 * session has ended or the pod does not report its end.
 */
export async function endSession(pod: PodSession, { graceMs, now }: Ending, logger: Logger): Promise<void> {
  const { link, session } = pod;
  let endAt = Number.POSITIVE_INFINITY;
  const endWithin = (ms: number) => {
    endAt = Math.min(endAt, performance.now() + ms + reportMs);
    if (session.alive) link.send(toStep("end_job", ms, session.shellPid));
  };
  endWithin(graceMs);
  using _listener = onAbort(now, () => endWithin(0));
  while (session.alive && performance.now() < endAt) await Promise.race([session.ended, sleep(100)]);
  logUnshownOutput(session, logger);
  await pod[Symbol.asyncDispose]();
}
