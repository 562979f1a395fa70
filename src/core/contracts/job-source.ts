import type { SlotAdmission } from "./admission.ts";
import type { SyncOutcome, StopReason } from "./agent-status.ts";
import type { Jobs } from "./jobs.ts";
import type { Logger } from "./logger.ts";

/** An operator's requests to the agent, made by signals. The job source translates them for its control plane. */
export interface AgentSignals {
  /** Aborts at the first SIGINT or SIGTERM. (The second stops running jobs, the third kills them.) */
  readonly interrupt: AbortSignal;
  /** Unix seconds of the interrupt; 0 before. */
  readonly interruptedAt: number;
  /** Aborts at SIGQUIT or `ctx.stop`: finish the job, accept no other, disconnect. The reason is the `StopReason`. */
  readonly drain: AbortSignal;
  /** Aborts when this process must exit without disconnecting, because another one resumes its jobs (SIGUSR2). */
  readonly handOver: AbortSignal;
}

/** One slot of the agent, as its job source sees it. */
export interface JobSourceContext {
  readonly version: string;
  /** Index of the agent's slot, from 0, and the number of slots. To the control plane, each slot is an agent. */
  readonly slot: number;
  readonly slots: number;
  readonly logger: Logger;
  /** Durable documents that must survive a crash. */
  readonly state: SlotState;
  readonly jobs: Jobs;
  readonly signals: AgentSignals;
  /** Whether the slot may take jobs. A source that does not ask is never paused. */
  readonly admission: SlotAdmission;
  /** Reports that the control plane accepted the slot under this name. */
  registered(name: string, controlPlane: string): Promise<void>;
  /** Reports the outcome of a call that keeps the slot registered. */
  synced(outcome: SyncOutcome): void;
  /** Reports that this slot accepts no further job. */
  draining(reason: StopReason): Promise<void>;
}

/**
 * A source of jobs: the client of a control plane. `run` is called once for each slot, for all slots
 * concurrently; no slot knows of another.
 *
 * 1. **`run`** registers the slot (or resumes the registration stored in `state`), reports `registered`, and
 *    continues until the slot should disconnect; it resolves to the reason. First of all it handles
 *    `jobs.left`: a job that a previous process left is finished and reported.
 * 2. For each job it calls `jobs.start` with what the log's delivery needs, awaits `job.done`, reports the
 *    result until it is acknowledged, and then calls `job.release`. It never holds two jobs.
 * 3. It rejects with an `AgentError` when the slot cannot start (a configuration that the control plane
 *    refuses); the program then exits with 1.
 * 4. Before it claims a job it awaits `admission.admitted`. A source that is given jobs while it is registered
 *    disconnects when `admission.paused` aborts, and registers again when it is admitted. A job that arrives
 *    meanwhile runs, and a running job is finished. All signals end a pause at once.
 * 5. When `signals.handOver` aborts, it resolves at once and leaves job and registration as they are.
 */
export interface JobSource {
  /** Distinguishes agents that share a state directory: the endpoint, and the name if one is configured. */
  readonly identity: string;
  run(context: JobSourceContext): Promise<StopReason>;
}

/** A small durable store of JSON documents. After a crash, a document is either the new or the previous version. */
export interface SlotState {
  /** Returns `undefined` when the document does not exist. Throws `STATE_INVALID` when it is damaged. */
  get<T>(name: string): T | undefined;
  /** Returns once the document is on disk. The caller seals secret texts first: see `seal`. */
  put(name: string, document: unknown): void;
  remove(name: string): void;
}
