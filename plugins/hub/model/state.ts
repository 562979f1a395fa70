import type { JobResult } from "signalman";
import type { Quota, Settings } from "../settings.ts";
import type { Store } from "../storage/store.ts";
import { createLog, type JobLog } from "./log.ts";
import type { Registration } from "./registration-body.ts";
import type { WireJob } from "./wire-job.ts";

/** A registered agent (protocol sections 2.1, 2.3). Times are unix milliseconds, except `interruptedAt`. */
export interface AgentRow {
  readonly id: string;
  readonly name: string;
  /** SHA-256 hash of the access token, which itself is not stored. */
  tokenHash: string;
  readonly registration: Registration;
  readonly createdAt: number;
  lastSyncAt?: number;
  lastSyncState: string;
  lastStateChangeAt: number;
  lastSyncJobId: string;
  /** Unix seconds; 0 before an interruption. It is never reset. */
  interruptedAt: number;
  disabledAt?: number;
  /** Set when the agent has disconnected and its name is reserved. */
  disconnectedAt?: number;
}

/** A job. Times are unix milliseconds. */
export interface Job {
  readonly id: string;
  readonly name: string;
  /** Position in submission order. */
  readonly number: number;
  readonly createdAt: number;
  readonly limitMs: number;
  /** The document that the agent fetches; text for a raw submission. */
  wire: WireJob | string;
  state: "queued" | "running" | "finished";
  result?: JobResult;
  /** Why the job ended, unless an agent reported its result. */
  reason?: string;
  /** Whether any agent may take the job (an occupation request). */
  isWaiting: boolean;
  /** The assigned agent, until the job is released. */
  agentId?: string;
  /** Name of the last assigned agent. */
  agentName?: string;
  startedAt?: number;
  finishedAt?: number;
  fetchedAt?: number;
  sanitizedAt?: number;
  stopRequestedAt?: number;
  /** Set when the agent has reported the end, or cannot do so any more, and the log is archived. */
  tornDownAt?: number;
  /** Whether the hub failed the job because its agent was lost. The agent may not know. */
  isGivenUp?: boolean;
}

/** The hub's state. Functions of the model change it in memory; `store.commit` makes the changes durable. */
export interface HubState {
  readonly settings: Settings;
  /** Key that signs log tokens. */
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
