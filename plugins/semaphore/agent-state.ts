import type { JobResult, StopCause, StopReason } from "signalman";
import type { Failure } from "./client.ts";
import type { Terms } from "./settings.ts";
import type { SyncAction, SyncRequest, SyncState } from "./wire.ts";

/** Why and how an agent shuts down. */
export interface Shutdown {
  /** `paused`: the agent registers again when it is admitted. */
  readonly reason: StopReason | "paused";
  /** `lost`: the control plane does not answer. `gone`: the control plane answers that it does not know this agent. */
  readonly contact: "kept" | "lost" | "gone";
  /** True when the result of a job is unreported and the next process that resumes the registration can report it. */
  readonly isReportPending: boolean;
}

/** The state of an agent and what it knows about its control plane. Times are monotonic milliseconds. */
export interface AgentState {
  readonly state: SyncState;
  readonly jobId: string;
  readonly result: JobResult | "";
  /** Unix seconds of the interrupt; 0 without one. */
  readonly interruptedAt: number;
  readonly interruptedSince: number;
  readonly isDraining: boolean;
  /** A plugin refuses further jobs. */
  readonly isPausing: boolean;
  /** The registration was resumed from disk, and the control plane has not answered to it yet. */
  readonly isUnconfirmed: boolean;
  /** The last event was an answer without a job: no job is assigned that the agent does not know of. */
  readonly isKnownIdle: boolean;
  readonly lastGoodAt: number;
  /** Since when the control plane answers that it does not know the agent. */
  readonly goneSince: number | undefined;
  /** Since when the control plane rejects syncs about the job. */
  readonly rejectedSince: number | undefined;
  /** The control plane may have taken the job away without the agent's knowledge. */
  readonly isOwnershipDoubtful: boolean;
  /** The control plane requested a shutdown while a job was running. */
  readonly requestedShutdown: StopReason | undefined;
  /** The job is abandoned: no sync is sent any more, and the agent shuts down when the job has ended. */
  readonly abandoned: Shutdown | undefined;
  readonly shutdown: Shutdown | undefined;
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
  | { readonly kind: "drained" }
  | { readonly kind: "paused" };

/** A consequence of a transition. `sync`: sync at once. */
export type Action =
  | JobAction
  | { readonly kind: "sync" }
  | { readonly kind: "shut-down"; readonly shutdown: Shutdown }
  | { readonly kind: "log"; readonly level: "info" | "warn" | "error"; readonly message: string };

/**
 * A consequence for the job. `release`: the result is settled. `lose`: the control plane takes no more of the
 * job's log. `doubt` and `confirm`: it became unknown, or known again, whether the job still belongs to this
 * agent.
 */
export type JobAction =
  | { readonly kind: "release" | "lose" | "doubt" | "confirm" }
  | { readonly kind: "stop"; readonly cause: StopCause }
  | { readonly kind: "fetch"; readonly jobId: string };

export interface Rules extends Pick<Terms, "singleJob" | "gracePeriod"> {
  readonly syncGiveUpMs: number;
  readonly busyGiveUpMs: number;
  readonly goneGiveUpMs: number;
  readonly interruptGiveUpMs: number;
}

export interface Transition {
  readonly agent: AgentState;
  readonly actions: readonly Action[];
}

export function createAgentState(start: Pick<AgentState, "lastGoodAt"> & Partial<AgentState>): AgentState {
  return {
    state: "waiting-for-jobs",
    jobId: "",
    result: "",
    interruptedAt: 0,
    interruptedSince: 0,
    isDraining: false,
    isPausing: false,
    isUnconfirmed: false,
    isKnownIdle: false,
    goneSince: undefined,
    rejectedSince: undefined,
    isOwnershipDoubtful: false,
    requestedShutdown: undefined,
    abandoned: undefined,
    shutdown: undefined,
    ...start,
  };
}

/** The body of the next sync. */
export function toRequest({ state, jobId, result, interruptedAt }: AgentState): SyncRequest {
  return { state, jobId, jobResult: result, interruptedAt };
}

export const isIdle = (agent: AgentState): boolean => agent.state === "waiting-for-jobs";

/** Whether the job has neither ended nor been stopped. */
export const isWorking = ({ state }: AgentState): boolean =>
  state === "starting-job" || state === "running-job";

export const stay = (agent: AgentState, ...actions: readonly Action[]): Transition => ({ agent, actions });

export const log = (level: "info" | "warn" | "error", message: string): Action => ({
  kind: "log",
  level,
  message,
});

/** Why an agent without a job disconnects by its own decision; `undefined` when it has no reason to. */
export function findOwnReason({ isDraining, isPausing }: AgentState): "requested" | "paused" | undefined {
  if (isDraining) return "requested";
  return isPausing ? "paused" : undefined;
}

/** Shuts the agent down after `actions`. */
export function shutDown(
  agent: AgentState,
  how: Partial<Shutdown> & Pick<Shutdown, "reason">,
  ...actions: readonly Action[]
): Transition {
  const shutdown: Shutdown = { contact: "kept", isReportPending: false, ...how };
  return { agent: { ...agent, shutdown }, actions: [...actions, { kind: "shut-down", shutdown }] };
}

/** Returns to waiting because the control plane has the result: the only way out of a job (protocol section 2.7). */
export function settle(agent: AgentState): AgentState {
  return {
    ...agent,
    state: "waiting-for-jobs",
    jobId: "",
    result: "",
    requestedShutdown: undefined,
    isKnownIdle: true,
  };
}
