import type { JobCauseKind } from "../../core/contracts/job-cause.ts";
import type { JobSummary } from "../../core/contracts/job-summary.ts";
import type { UnstoredResult } from "../control/messages.ts";

/** The result document on disk. `fault`: why it cannot be used. */
export interface FoundResult {
  readonly summary?: JobSummary | undefined;
  readonly fault?: string | undefined;
}

/** The facts about a job's process that no longer holds its lock. */
export interface Death {
  /** Why it died, as the job's log shows it. */
  readonly reason: string;
  readonly isRestart: boolean;
  /** It ran without the lock, and was killed. */
  readonly isUnlocked: boolean;
  /** Why its record cannot be used. */
  readonly recordFault?: string | undefined;
}

export type EndDecision =
  /** The job has this result, and its log is complete. */
  | { readonly is: "complete"; readonly summary: JobSummary }
  /** The job has this result, and its log has to be closed with the reason. */
  | { readonly is: "cut"; readonly reason: string; readonly summary: JobSummary }
  /**
   * The process left no result, and the log has to be closed with the reason. `isLogTrusted`: the result in the
   * log counts, if it has one; otherwise the job has failed.
   */
  | {
      readonly is: "dead";
      readonly reason: string;
      readonly kind: JobCauseKind;
      readonly isLogTrusted: boolean;
    };

/**
 * Decides how a job has ended: by the result on disk, by the one that its process reported, or by the death
 * of the process. Without `died`, before the lock of the process is taken, `undefined`: nothing proves the
 * end yet.
 */
export function decideEnd(found: FoundResult, reported: UnstoredResult | undefined, died: Death): EndDecision;
export function decideEnd(found: FoundResult, reported: UnstoredResult | undefined): EndDecision | undefined;
export function decideEnd(
  found: FoundResult,
  reported: UnstoredResult | undefined,
  died?: Death,
): EndDecision | undefined {
  if (found.summary) return { is: "complete", summary: found.summary };
  if (reported?.isLogWhole) return { is: "complete", summary: reported.summary };
  if (!died) return undefined;
  if (reported) return { is: "cut", reason: reported.reason, summary: reported.summary };
  const why = died.isUnlocked
    ? "the job removed or replaced the lock of its process"
    : died.isRestart
      ? "the machine was restarted while the job ran"
      : died.reason;
  const reason = [why, found.fault, died.recordFault].filter((text) => text !== undefined).join("; ");
  // An unreadable result is not replaced by the one in the log, because the job can write both.
  const isLogTrusted = found.fault === undefined && !died.isUnlocked;
  return { is: "dead", reason, kind: died.isUnlocked ? "tampered" : "died", isLogTrusted };
}
