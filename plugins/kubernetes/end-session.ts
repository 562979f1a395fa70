import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "signalman";
import { logUnshownOutput } from "signalman/terminal";
import type { PodSession } from "./open-session.ts";
import { toStep } from "./session/steps.ts";

/** The end of everything that a job runs in its pod. */
export interface SessionEnd {
  /** Sends SIGTERM, and SIGKILL after the grace period. Resolves when the session has ended, or is out of reach. Called once. */
  end(open: PodSession, graceMs: number): Promise<void>;
  /** Shortens the grace period of an end that is under way. */
  shorten(open: PodSession, graceMs: number): void;
}

/** Milliseconds that the pod may take to report the end, after the grace period. */
const reportMs = 5000;

export function createSessionEnd(logger: Logger): SessionEnd {
  let endAt = Number.POSITIVE_INFINITY;
  const shorten: SessionEnd["shorten"] = ({ link, session }, graceMs) => {
    endAt = Math.min(endAt, performance.now() + graceMs + reportMs);
    if (session.alive) link.send(toStep("end_job", graceMs, session.shellPid));
  };
  return {
    shorten,
    async end(open, graceMs) {
      const { session } = open;
      shorten(open, graceMs);
      while (session.alive && performance.now() < endAt) await Promise.race([session.ended, sleep(100)]);
      logUnshownOutput(session, logger);
      await open[Symbol.asyncDispose]();
    },
  };
}
