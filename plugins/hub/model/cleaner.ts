import { failJob, sanitizeFetched, stopJob } from "./jobs.ts";
import { type AgentRow, assignedJob, type HubState, removeAgent } from "./state.ts";

/** A removed agent and the reason. */
export interface CleanedAgent {
  readonly row: AgentRow;
  readonly reason: "never-synced" | "idle" | "busy" | "held";
}

/** Removes dead agents, enforces time limits and removes secrets (protocol sections 2.5, 2.6, 3.2). */
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
    if (job !== undefined) failJob(state, job, `agent "${row.name}" stopped syncing`);
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
      stopJob(state, job, "queue time limit exceeded");
    } else if (job.state === "running" && now - (job.startedAt ?? now) > job.limitMs) {
      stopJob(state, job, "running time limit exceeded");
    }
  }
}
