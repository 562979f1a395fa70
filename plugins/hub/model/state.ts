import type { JobResult } from "signalman";
import type { Quota, Settings } from "../settings.ts";
import type { Store } from "../storage/store.ts";
import { createLog, type JobLog } from "./log.ts";
import type { Registration } from "./registration-body.ts";
import type { WireJob } from "./wire.ts";

/** One registered agent (protocol sections 2.1, 2.3). Times are unix milliseconds, apart from `interruptedAt`. */
export interface AgentRow {
  readonly id: string;
  readonly name: string;
  /** sha256 of the access token, which is nowhere else. */
  tokenHash: string;
  readonly registration: Registration;
  readonly createdAt: number;
  lastSyncAt?: number;
  lastSyncState: string;
  lastStateChangeAt: number;
  lastSyncJobId: string;
  /** Unix seconds; 0 when not interrupted. Never goes back. */
  interruptedAt: number;
  disabledAt?: number;
  /** It left, and its name is held. */
  disconnectedAt?: number;
}

export interface Job {
  readonly id: string;
  readonly name: string;
  /** Submission order. */
  readonly number: number;
  readonly createdAt: number;
  readonly limitMs: number;
  /** What the agent fetches; text when it was submitted as text. */
  wire: WireJob | string;
  state: "queued" | "running" | "finished";
  result?: JobResult;
  /** Why it ended, when it was not an agent that said so. */
  reason?: string;
  /** It waits for any agent (an occupation request). */
  isWaiting: boolean;
  /** The agent that it is assigned to, until it is released. */
  agentId?: string;
  /** Whoever had it last. */
  agentName?: string;
  startedAt?: number;
  finishedAt?: number;
  fetchedAt?: number;
  sanitizedAt?: number;
  stopRequestedAt?: number;
  /** The agent reported its end, or will never do so: the log is archived. */
  tornDownAt?: number;
  /** Nobody reported its end; its agent may not know that. */
  isGivenUp?: boolean;
}

/** All that the hub knows. The functions of the model change it at once; `store.commit` makes that last. */
export interface HubState {
  readonly settings: Settings;
  /** For the signatures of log tokens. */
  readonly secret: string;
  readonly store: Store;
  readonly now: () => number;
  readonly random: () => number;
  quota: Quota;
  readonly agents: Map<string, AgentRow>;
  /** In submission order. */
  readonly jobs: Map<string, Job>;
  readonly logs: Map<string, JobLog>;
}

export function saveAgent(state: HubState, row: AgentRow): void {
  state.store.put(`agents:${row.id}`, row);
}

export function saveJob(state: HubState, job: Job): void {
  state.store.put(`jobs:${job.id}`, job);
}

export function removeAgent(state: HubState, row: AgentRow): void {
  state.agents.delete(row.id);
  state.store.remove(`agents:${row.id}`);
}

export function assignedJob(state: HubState, row: AgentRow): Job | undefined {
  for (const job of state.jobs.values()) if (job.agentId === row.id) return job;
  return undefined;
}

export function logOf(state: HubState, jobId: string): JobLog {
  const log = state.logs.get(jobId) ?? createLog(jobId, state.store);
  state.logs.set(jobId, log);
  return log;
}

export function isUuid(text: string): boolean {
  return /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i.test(text);
}
