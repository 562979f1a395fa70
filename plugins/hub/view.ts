import type { JobResult } from "signalman";
import { type AgentRow, assignedJob, type HubState, type Job } from "./model/state.ts";

/** A job as the management API shows it. Times are unix milliseconds. */
export interface JobView {
  readonly id: string;
  readonly name: string;
  readonly state: "queued" | "running" | "finished";
  readonly result?: JobResult | undefined;
  /** Why the job ended, unless an agent reported its result. */
  readonly reason?: string | undefined;
  readonly agent?: string | undefined;
  readonly createdAt: number;
  readonly startedAt?: number | undefined;
  readonly finishedAt?: number | undefined;
  /** Whether the job's agent has reported the result or was removed, so that nothing more will follow. */
  readonly isDone: boolean;
  readonly log: { readonly events: number; readonly bytes: number; readonly isTrimmed: boolean };
}

/** An agent as the management API shows it. Times are unix milliseconds. */
export interface AgentView {
  readonly name: string;
  readonly version: string;
  readonly hostname: string;
  readonly pid: number;
  /** The state in the agent's last sync; empty before the first one. */
  readonly state: string;
  readonly jobId?: string | undefined;
  readonly registeredAt: number;
  readonly lastSyncAt?: number | undefined;
  readonly isSingleJob: boolean;
  readonly isDisabled: boolean;
  readonly isInterrupted: boolean;
  /** Whether the agent has disconnected and only its name is reserved. */
  readonly isDisconnected: boolean;
}

export function viewJob(state: HubState, job: Job): JobView {
  const log = state.logs.get(job.id);
  const { id, name, result, reason, agentName, createdAt, startedAt, finishedAt, tornDownAt } = job;
  return {
    id,
    name,
    state: job.state,
    result,
    reason,
    agent: agentName,
    createdAt,
    startedAt,
    finishedAt,
    isDone: tornDownAt !== undefined,
    log: {
      events: log?.shown.length ?? 0,
      bytes: log?.shown.bytes ?? 0,
      isTrimmed: log?.isTrimmed ?? false,
    },
  };
}

export function viewAgent(state: HubState, row: AgentRow): AgentView {
  const { registration } = row;
  return {
    name: row.name,
    version: registration.version,
    hostname: registration.hostname,
    pid: registration.pid,
    state: row.lastSyncState,
    jobId: assignedJob(state, row)?.id,
    registeredAt: row.createdAt,
    lastSyncAt: row.lastSyncAt,
    isSingleJob: registration.single_job,
    isDisabled: row.disabledAt !== undefined,
    isInterrupted: row.interruptedAt > 0,
    isDisconnected: row.disconnectedAt !== undefined,
  };
}
