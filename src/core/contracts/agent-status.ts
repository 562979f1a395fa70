import type { Pause } from "./admission.ts";

/** The state of an agent, for `signalman status`, health checks and metrics. Times are Unix milliseconds. */
export interface AgentStatus {
  readonly version: string;
  readonly pid: number;
  readonly startedAt: number;
  /** The agent's own directory, below `state-dir`. */
  readonly stateDirectory: string;
  readonly slots: readonly SlotStatus[];
  /** Listeners of plugins that have not returned in time; left out when there are none. */
  readonly hangingHooks?: readonly HangingHook[];
  /** What plugins report about themselves, in the order of the configuration; left out when none does. */
  readonly plugins?: readonly PluginStatus[];
}

/** A line that a plugin has set with `ctx.status`. */
export interface PluginStatus {
  readonly plugin: string;
  /** One printable line. */
  readonly text: string;
  /** Set when the agent is not ready because of the plugin. */
  readonly ready?: false;
}

/** A listener of a plugin that has not returned in time. */
export interface HangingHook {
  readonly plugin: string;
  readonly hook: string;
  /** When the oldest unfinished call began. */
  readonly startedAt: number;
}

/** The state of one slot. */
export interface SlotStatus {
  /** From 0. */
  readonly slot: number;
  /**
   * `starting`: not registered yet. `paused`: takes no jobs for the reason in `paused`. `left`: disconnected.
   * `failed`: could not start; `error` gives the reason.
   */
  readonly state: "starting" | "waiting" | "paused" | "running" | "left" | "failed";
  /**
   * Set from the check of admission that refuses jobs until the slot is resumed. No check runs during a job, which a
   * pause does not affect.
   */
  readonly paused?: Pause;
  /** Why checks of admission gave no answer; left out when all did. Each names its plugin. */
  readonly admissionFaults?: readonly string[];
  /** Set when the slot accepts no further jobs: the reason. */
  readonly draining?: StopReason;
  /** The reason for which the slot disconnected. */
  readonly reason?: StopReason;
  readonly error?: string;
  /** The name under which the control plane knows the slot. */
  readonly name?: string;
  readonly controlPlane?: string;
  readonly sync?: SyncStatus;
  readonly job?: JobStatus;
}

/** The calls that keep a slot registered with its control plane. */
export interface SyncStatus {
  /** Time of the last call that was answered; left out when none was. */
  readonly succeededAt?: number;
  /** Duration of the last call, answered or not. */
  readonly durationMs: number;
  /** Number of calls that have failed since the last success. */
  readonly failures: number;
  /** Error of the last call, if it failed. */
  readonly error?: string;
}

/** The state of a slot's job. */
export interface JobStatus {
  readonly id: string;
  readonly executor: string;
  /** When this agent process started or resumed the job. */
  readonly startedAt: number;
  /** `flushing`: the log is being delivered after the end. `reporting`: the control plane has no result yet. */
  readonly phase: "running" | "flushing" | "reporting";
  readonly log: LogPosition;
}

/** Progress of the delivery of a job's log. */
export interface LogPosition {
  /** Bytes in the spool. */
  readonly producedBytes: number;
  /** Bytes that were delivered. */
  readonly deliveredBytes: number;
  readonly deliveredEvents: number;
}

/** The outcome of one call that keeps a slot registered. Without `error` it was answered. */
export interface SyncOutcome {
  readonly durationMs: number;
  readonly error?: string;
}

/** Why an agent shuts down. The shutdown hook receives it in upper case (protocol section 6.5). */
export type StopReason = "idle" | "job-finished" | "requested" | "interrupted" | "unable-to-sync" | "unknown";
