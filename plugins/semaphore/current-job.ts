import type { JobSourceContext, LeftJob } from "signalman";
import type { Event, JobAction } from "./agent-state.ts";
import type { Announcements } from "./announcements.ts";
import { type Assignment, type AssignmentOptions, claimAssignment, fetchAssignment } from "./assignment.ts";
import type { HubClient } from "./client.ts";
import { createOwnership } from "./ownership.ts";
import type { RegistrationStore } from "./registration.ts";
import type { Settings } from "./settings.ts";

export interface CurrentJobOptions {
  readonly context: JobSourceContext;
  readonly settings: Settings;
  readonly store: RegistrationStore;
  readonly client: HubClient;
  /** The registration comes from an earlier process, and the control plane may not know it any more. */
  readonly isResumed: boolean;
}

/** The job that is assigned to the registration, if there is one. */
export interface CurrentJob {
  /** Resumes the job of an earlier process: claims it when it was started, fetches it when it was only assigned. */
  resume(left: LeftJob | undefined): void;
  perform(action: JobAction): void;
  /** Resolves when the job's request is safe on disk; `undefined` without a job. */
  readonly begun: Promise<void> | undefined;
}

export function createCurrentJob(
  options: CurrentJobOptions,
  announcements: Announcements,
  dispatch: (event: Extract<Event, { kind: "job-running" | "job-ended" }>) => void,
): CurrentJob {
  const { context, settings, store, client, isResumed } = options;
  const ownership = createOwnership({ isConfirmed: !isResumed });
  let assignment: Assignment | undefined;

  const toOptions = (jobId: string): AssignmentOptions => ({
    jobId,
    context,
    client,
    origin: settings.origin,
    ca: settings.ca,
    attempts: settings.limits.getJob,
    confirmed: ownership.confirmed,
    onRunning: () => dispatch({ kind: "job-running", jobId }),
    onEnded: (result) => dispatch({ kind: "job-ended", jobId, result }),
  });

  return {
    get begun() {
      return assignment?.begun;
    },
    resume(left) {
      if (left !== undefined) assignment = claimAssignment(left, toOptions(left.id));
      else if (store.assignedJob !== undefined) assignment = fetchAssignment(toOptions(store.assignedJob));
    },
    perform(action) {
      switch (action.kind) {
        case "fetch":
          context.jobs.expect(action.jobId);
          store.assign(action.jobId);
          assignment = fetchAssignment(toOptions(action.jobId));
          break;
        case "stop":
          assignment?.stop(action.cause);
          break;
        case "lose":
          assignment?.lose();
          break;
        case "doubt":
          ownership.doubt();
          break;
        case "confirm":
          ownership.confirm();
          break;
        case "release":
          store.unassign();
          announcements.add(assignment?.release());
          assignment = undefined;
      }
    },
  };
}
