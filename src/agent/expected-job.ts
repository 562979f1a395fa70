import type { Logger } from "../core/contracts/logger.ts";
import { toMessage } from "../core/errors.ts";
import type { WaitingJobProcess } from "../job/process/launcher.ts";
import { announceAssignment } from "./lifecycle.ts";
import type { SlotNotifier } from "./slot-notifier.ts";

export interface ExpectedJobOptions {
  readonly notifier: SlotNotifier;
  readonly logger: Logger;
  /** Starts a process that waits for the request of a job. Throws when that fails. */
  readonly launch: (jobId: string) => WaitingJobProcess;
}

/** A job that was assigned to the slot, and announced to plugins. */
export interface AssignedJob {
  /** Unix milliseconds. */
  readonly assignedAt: number;
  /** Resolves when plugins have handled the assignment. Never rejects. */
  readonly announced: Promise<void>;
}

/** The job that was assigned to a slot; at most one. Its process starts while its request is fetched. */
export interface ExpectedJob {
  /** Announces a job and starts its process. Never throws. */
  expect(jobId: string): void;
  /** Returns this job, announced now unless it was, and its process if there is one. Another one is dismissed. */
  take(jobId: string): AssignedJob & { readonly process: WaitingJobProcess | undefined };
  /** The job has ended: another one may have its id. */
  forget(jobId: string): void;
}

export function createExpectedJob({ notifier, logger, launch }: ExpectedJobOptions): ExpectedJob {
  let assigned: (AssignedJob & { readonly jobId: string }) | undefined;
  let waiting: { readonly jobId: string; readonly process: WaitingJobProcess } | undefined;

  function announce(jobId: string): AssignedJob {
    const assignedAt = Date.now();
    assigned = { jobId, assignedAt, announced: announceAssignment(notifier, { jobId, assignedAt }) };
    return assigned;
  }

  function dismiss(): void {
    waiting?.process.dismiss();
    waiting = undefined;
  }

  return {
    expect(jobId) {
      // The process first: its start takes longer than the request.
      dismiss();
      try {
        waiting = { jobId, process: launch(jobId) };
      } catch (error) {
        const why = `job process could not be started before the request: ${toMessage(error)}`;
        logger.debug(why, { job: jobId });
      }
      announce(jobId);
    },
    take(jobId) {
      const process = waiting?.jobId === jobId ? waiting.process : undefined;
      if (process) waiting = undefined;
      dismiss();
      const { assignedAt, announced } = assigned?.jobId === jobId ? assigned : announce(jobId);
      return { assignedAt, announced, process };
    },
    forget(jobId) {
      if (assigned?.jobId === jobId) assigned = undefined;
    },
  };
}
