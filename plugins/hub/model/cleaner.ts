import { failJob, sanitizeFetched, stopJob } from "./jobs.ts";
import { type AgentRow, assignedJob, type HubState, removeAgent } from "./state.ts";

/** A row that was deleted, and why. */
export interface CleanedAgent {
  readonly row: AgentRow;
  readonly reason: "never-synced" | "idle" | "busy" | "held";
}

/** What the server does every minute: dead agents, time limits, secrets (protocol sections 2.5, 2.6, 3.2). */
export function clean(state: HubState): readonly CleanedAgent[] {
  sanitizeFetched(state);
  limitJobs(state);
  const dead = [...state.agents.values()].flatMap((row) => {
    const reason = findReason(state, row);
    return reason === undefined ? [] : [{ row, reason }];
  });
  const cleaned = dead.slice(0, 100);
  for (const { row } of cleaned) {
    const job = assignedJob(state, row);
    if (job !== undefined) failJob(state, job, `the agent "${row.name}" is gone`);
    removeAgent(state, row);
  }
  return cleaned;
}

function findReason(state: HubState, row: AgentRow): CleanedAgent["reason"] | undefined {
  const { settings } = state;
  const now = state.now();
  if (row.disconnectedAt !== undefined && now - row.disconnectedAt >= settings.nameHoldMs) return "held";
  if (row.lastSyncAt === undefined)
    return now - row.createdAt > settings.firstSyncMs ? "never-synced" : undefined;
  const silentMs = now - row.lastSyncAt;
  if (silentMs > settings.busyMs) return "busy";
  return silentMs > settings.idleMs && assignedJob(state, row) === undefined ? "idle" : undefined;
}

function limitJobs(state: HubState): void {
  const now = state.now();
  for (const job of state.jobs.values()) {
    if (job.state === "queued" && now - job.createdAt > state.settings.queueLimitMs) {
      stopJob(state, job, "no agent took it in time");
    } else if (job.state === "running" && now - (job.startedAt ?? now) > job.limitMs) {
      stopJob(state, job, "it ran longer than it may");
    }
  }
}
