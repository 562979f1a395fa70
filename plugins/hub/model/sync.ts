import { type Answer, notFound, panic } from "./answer.ts";
import { isResult, reportFinished } from "./jobs.ts";
import { parseJson, parseSync, type SyncBody } from "./registration-body.ts";
import { type AgentRow, assignedJob, type HubState, isUuid, type Job, saveAgent, saveJob } from "./state.ts";

export const agentStates = [
  "waiting-for-jobs",
  "starting-job",
  "running-job",
  "stopping-job",
  "finished-job",
] as const;

type Action =
  | { readonly action: "continue" | "wait-for-jobs" }
  | { readonly action: "run-job" | "stop-job"; readonly job_id: string }
  | { readonly action: "shutdown"; readonly shutdown_reason: ShutdownReason };
type ShutdownReason = "idle" | "job-finished" | "requested" | "interrupted";

/** Answers a sync (protocol sections 2.3 and 2.4). */
export function sync(state: HubState, row: AgentRow | undefined, text: string): Answer {
  if (row === undefined) return notFound;
  const body = parseSync(parseJson(text));
  if (body === undefined) return { status: 422, text: "the body is not a valid sync" };
  if (state.settings.generation === "new" && isInvalidTransition(state, row, body)) return rejected;
  recordSync(state, row, body);
  if (isOverQuota(state) && row.disabledAt === undefined) row.disabledAt = state.now();

  const action = decide(state, row, body);
  if ("status" in action) return action;
  const isLong = body.state === "running-job" && action.action === "continue";
  const [from, to] = state.settings.syncIntervalMs;
  const interval = Math.floor(from + state.random() * (to - from));
  return {
    status: 200,
    json: { job_id: "", shutdown_reason: "", ...action, next_sync_after: isLong ? interval * 2 : interval },
  };
}

/** The status that the new generation uses is unknown; agents must accept any 4xx (protocol section 2.8). */
const rejected: Answer = { status: 409, text: "invalid state transition" };

/** Updates the agent from an accepted sync, before the action is decided. */
function recordSync(state: HubState, row: AgentRow, body: SyncBody): void {
  const now = state.now();
  row.lastSyncAt = now;
  if (row.lastSyncState !== body.state) row.lastStateChangeAt = now;
  row.lastSyncState = body.state;
  if (body.job_id !== "") row.lastSyncJobId = body.job_id;
  if (body.interrupted_at > 0) row.interruptedAt = body.interrupted_at;
  saveAgent(state, row);
}

function decide(state: HubState, row: AgentRow, body: SyncBody): Action | Answer {
  switch (body.state) {
    case "waiting-for-jobs":
      return decideWaiting(state, row);
    case "starting-job":
    case "stopping-job":
      return { action: "continue" };
    case "running-job":
      return decideRunning(state, row);
    case "finished-job":
      return decideFinished(state, row, body);
    case "failed-to-fetch-job":
    case "failed-to-construct-job":
    case "failed-to-send-callback":
      return decideFinished(state, row, { ...body, job_result: "failed" });
    default:
      return panic;
  }
}

function decideWaiting(state: HubState, row: AgentRow): Action {
  if (row.disabledAt !== undefined) return shutdown("requested");
  if (row.interruptedAt > 0) return shutdown("interrupted");
  const assigned = assignedJob(state, row);
  if (assigned !== undefined && assigned.id !== row.lastSyncJobId) return runJob(state, row, assigned);
  const next = [...state.jobs.values()].find((job) => job.isWaiting);
  if (next !== undefined) {
    // The new job replaces an earlier one that the agent never reported.
    if (assigned !== undefined) release(state, assigned);
    next.isWaiting = false;
    next.agentId = row.id;
    return runJob(state, row, next);
  }
  const idleTimeout = row.registration.idle_timeout;
  if (idleTimeout === 0) return { action: "continue" };
  const idleSeconds = (state.now() - row.lastStateChangeAt) / 1000;
  return idleSeconds < idleTimeout ? { action: "continue" } : shutdown("idle");
}

function decideRunning(state: HubState, row: AgentRow): Action | Answer {
  const job = assignedJob(state, row);
  if (job === undefined && isStopping(state, row)) return panic;
  if (job === undefined) return { action: "continue" };
  const mustStop = job.stopRequestedAt !== undefined || isStopping(state, row);
  return mustStop ? { action: "stop-job", job_id: job.id } : { action: "continue" };
}

function isStopping(state: HubState, { disabledAt, interruptedAt, registration }: AgentRow): boolean {
  if (disabledAt !== undefined) return true;
  if (interruptedAt === 0) return false;
  return Math.floor(state.now() / 1000) - interruptedAt >= registration.interruption_grace_period;
}

function decideFinished(state: HubState, row: AgentRow, body: SyncBody): Action | Answer {
  const { settings } = state;
  const { single_job: isSingle } = row.registration;
  const isInterrupted = row.interruptedAt > 0;
  const assigned = assignedJob(state, row);
  if (settings.generation === "old" && !isUuid(body.job_id))
    return { status: 500, text: "job_id is not a UUID" };
  // The new generation ignores job_id and uses the assigned job.
  const job = settings.generation === "new" ? assigned : state.jobs.get(body.job_id);
  if (job !== undefined) reportFinished(state, job, isResult(body.job_result) ? body.job_result : undefined);
  if (assigned !== undefined && assigned === job && !isSingle && !isInterrupted) release(state, assigned);

  if (row.disabledAt !== undefined) return shutdown("requested");
  if (isSingle) return shutdown("job-finished");
  return isInterrupted ? shutdown("interrupted") : { action: "wait-for-jobs" };
}

function runJob(state: HubState, row: AgentRow, job: Job): Action {
  job.agentName = row.name;
  if (job.state === "queued") {
    job.state = "running";
    job.startedAt = state.now();
  }
  saveJob(state, job);
  return { action: "run-job", job_id: job.id };
}

function release(state: HubState, job: Job): void {
  delete job.agentId;
  saveJob(state, job);
}

function shutdown(reason: ShutdownReason): Action {
  return { action: "shutdown", shutdown_reason: reason };
}

function isOverQuota({ quota, agents }: HubState): boolean {
  if (quota === "off") return true;
  if (quota === "unavailable") return false;
  const enabled = [...agents.values()].filter(
    ({ disabledAt, disconnectedAt }) => disabledAt === undefined && disconnectedAt === undefined,
  );
  return enabled.length > quota;
}

/**
 * Whether the new generation rejects the sync: a working state without a job, or waiting with a started job.
 */
function isInvalidTransition(state: HubState, row: AgentRow, body: SyncBody): boolean {
  const job = assignedJob(state, row);
  if (body.state === "waiting-for-jobs") {
    return job !== undefined && job.tornDownAt === undefined && row.lastSyncJobId === job.id;
  }
  return job === undefined && (agentStates as readonly string[]).includes(body.state);
}
