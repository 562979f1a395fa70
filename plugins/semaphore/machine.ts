import type { JobResult, StopReason } from "signalman";
import type { Failure } from "./client.ts";
import type { Terms } from "./settings.ts";
import type { SyncAction, SyncRequest, SyncState } from "./wire.ts";

/** How an agent goes. */
export interface Leave {
  readonly reason: StopReason;
  /** `lost`: the control plane does not answer. `gone`: it says that it does not know this agent. */
  readonly contact: "kept" | "lost" | "gone";
  /** The result of a job is unreported, and can still be reported by whoever takes the registration up. */
  readonly owes: boolean;
}

/** All that an agent knows about itself and its control plane. Times are monotonic milliseconds. */
export interface Machine {
  readonly state: SyncState;
  readonly jobId: string;
  readonly result: JobResult | "";
  /** Unix seconds; 0 before. */
  readonly interruptedAt: number;
  readonly interruptedSince: number;
  readonly isDraining: boolean;
  /** The registration was found on disk, and the control plane has not yet answered to it. */
  readonly isTentative: boolean;
  /** The last word was an answer that brought no job: none is assigned to us that we do not know of. */
  readonly isSettled: boolean;
  readonly lastGoodAt: number;
  /** Since when it says that it does not know us. */
  readonly goneSince: number | undefined;
  /** Since when it refuses what we say of our job. */
  readonly refusedSince: number | undefined;
  /** It may have taken the job away from us without our knowledge. */
  readonly isDoubtful: boolean;
  /** It told us to leave while we had a job. */
  readonly shutdown: StopReason | undefined;
  /** The job is given up: as soon as it has ended, we go, and say nothing until then. */
  readonly abandoned: Leave | undefined;
  readonly left: Leave | undefined;
}

export type Event =
  | { readonly kind: "sent"; readonly request: SyncRequest }
  | {
      readonly kind: "answered";
      readonly request: SyncRequest;
      readonly action: SyncAction;
      readonly at: number;
    }
  | { readonly kind: "failed"; readonly request: SyncRequest; readonly failure: Failure; readonly at: number }
  | { readonly kind: "job-running"; readonly jobId: string }
  | { readonly kind: "job-ended"; readonly jobId: string; readonly result: JobResult }
  | { readonly kind: "interrupted"; readonly at: number; readonly unixSeconds: number }
  | { readonly kind: "drained" };

/** What is to be done about it. `sync`: at once. */
export type Action =
  | JobAction
  | { readonly kind: "sync" }
  | { readonly kind: "leave"; readonly leave: Leave }
  | { readonly kind: "log"; readonly level: "info" | "warn" | "error"; readonly message: string };

/** `lose`: the job's log has nowhere to go any more. `doubt`, `assure`: whether it has is not known, is known again. `release`: the job's result is settled. */
export type JobAction =
  | { readonly kind: "stop" }
  | { readonly kind: "lose" | "doubt" | "assure" }
  | { readonly kind: "release" }
  | { readonly kind: "fetch"; readonly jobId: string };

export interface Rules extends Pick<Terms, "singleJob" | "gracePeriod"> {
  readonly syncGiveUpMs: number;
  readonly busyGiveUpMs: number;
  readonly goneGiveUpMs: number;
  readonly interruptGiveUpMs: number;
}

export interface Step {
  readonly machine: Machine;
  readonly actions: readonly Action[];
}

export function createMachine(start: Pick<Machine, "lastGoodAt"> & Partial<Machine>): Machine {
  return {
    state: "waiting-for-jobs",
    jobId: "",
    result: "",
    interruptedAt: 0,
    interruptedSince: 0,
    isDraining: false,
    isTentative: false,
    isSettled: false,
    goneSince: undefined,
    refusedSince: undefined,
    isDoubtful: false,
    shutdown: undefined,
    abandoned: undefined,
    left: undefined,
    ...start,
  };
}

/** What the next sync says. */
export function toRequest({ state, jobId, result, interruptedAt }: Machine): SyncRequest {
  return { state, jobId, jobResult: result, interruptedAt };
}

export const idle = (machine: Machine): boolean => machine.state === "waiting-for-jobs";

/** Its job has neither ended nor been stopped. */
export const isWorking = ({ state }: Machine): boolean => state === "starting-job" || state === "running-job";

export const stay = (machine: Machine, ...actions: readonly Action[]): Step => ({ machine, actions });

export const log = (level: "info" | "warn" | "error", message: string): Action => ({
  kind: "log",
  level,
  message,
});

/** Goes, after `actions`. */
export function leave(
  machine: Machine,
  how: Partial<Leave> & Pick<Leave, "reason">,
  ...actions: readonly Action[]
): Step {
  const left: Leave = { contact: "kept", owes: false, ...how };
  return { machine: { ...machine, left }, actions: [...actions, { kind: "leave", leave: left }] };
}

/** The result is with the control plane: the one way from a job back to waiting (protocol section 2.7). */
export function settle(machine: Machine): Machine {
  return {
    ...machine,
    state: "waiting-for-jobs",
    jobId: "",
    result: "",
    shutdown: undefined,
    isSettled: true,
  };
}
