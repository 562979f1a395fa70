import type { Logger } from "../logger/logger.ts";
import type { StopReason } from "../plugin.ts";
import type { SlotState } from "../state/slot-state.ts";
import type { Jobs } from "./jobs.ts";
import type { SyncOutcome } from "./status.ts";

/** What an operator asks of an agent, by signals. The job source decides what it means for its control plane. */
export interface AgentSignals {
  /** Aborts at the first SIGINT or SIGTERM. (At the second the agent stops its running jobs itself, at the third it kills them and exits.) */
  readonly interrupt: AbortSignal;
  /** When that was, in unix seconds; 0 before. */
  readonly interruptedAt: number;
  /** Aborts at SIGQUIT, or for `ctx.stop`: finish the job, take no other, leave. Its reason is the `StopReason`. */
  readonly drain: AbortSignal;
  /** Aborts when this process must leave at once, without a word to the control plane: another takes over. */
  readonly handOver: AbortSignal;
}

export interface JobSourceContext {
  readonly version: string;
  /** Which of the agent's slots this is, from 0, and how many it has. Each is an agent of its own to the control plane. */
  readonly slot: number;
  readonly slots: number;
  readonly logger: Logger;
  /** What must be known again after a crash, kept durably. */
  readonly state: SlotState;
  readonly jobs: Jobs;
  readonly signals: AgentSignals;
  /** Says under which name a control plane has accepted the agent. */
  registered(name: string, controlPlane: string): Promise<void>;
  /** Says how a call went that keeps the agent known there. */
  synced(outcome: SyncOutcome): void;
  /** Says that this slot takes no further job. */
  draining(reason: StopReason): Promise<void>;
}

/**
 * Where jobs come from: a control plane. `run` is called once for each slot, for all at the same time; no slot knows of another.
 *
 * 1. **`run`** announces the agent (or takes up the registration that `state` holds), says `registered`, and goes on until the agent should leave;
 *    it resolves to why. Before anything else it looks at `jobs.left`: a job that a previous process left is first finished and reported.
 * 2. For each job it calls `jobs.start` with what the log needs, awaits `job.done`, reports the result until it is acknowledged, and then calls
 *    `job.release`. It never holds two jobs.
 * 3. It rejects with an `AgentError` when there is no way to begin (a configuration that the control plane refuses); the program exits with 1.
 * 4. When `signals.handOver` aborts, it resolves at once and leaves job and registration as they are.
 */
export interface JobSource {
  /** Tells agents apart that share a place for their state: endpoint, and the name if one is configured. */
  readonly identity: string;
  run(context: JobSourceContext): Promise<StopReason>;
}
