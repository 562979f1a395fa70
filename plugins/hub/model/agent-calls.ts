import { type Answer, notFound } from "./answer.ts";
import { sanitizeFetched } from "./jobs.ts";
import { hashToken } from "./registration.ts";
import {
  type AgentRow,
  assignedJob,
  type HubState,
  type Job,
  removeAgent,
  saveAgent,
  saveJob,
} from "./state.ts";
import { signLogToken } from "./token.ts";
import { withOrigin } from "./wire-job.ts";

/** Finds the agent with this access token. The token of a disconnected agent is invalid. */
export function findAgent(state: HubState, token: string): AgentRow | undefined {
  const hash = hashToken(token);
  return [...state.agents.values()].find((row) => row.tokenHash === hash && row.disconnectedAt === undefined);
}

/**
 * Answers `GET /jobs/{id}`. The first successful fetch starts the removal of secrets (protocol section 3.2).
 */
export function fetchJob(
  state: HubState,
  row: AgentRow | undefined,
  jobId: string,
  { submittedAt, calledAt }: { submittedAt: string; calledAt: string },
): Answer {
  const job = row && assignedJob(state, row);
  if (job === undefined || job.id !== jobId || isOver(state, job)) return notFound;
  sanitizeFetched(state);
  const wire = typeof job.wire === "string" ? job.wire : withOrigin(job.wire, job.id, submittedAt, calledAt);
  const text = typeof wire === "string" ? wire : JSON.stringify(wire);
  if (job.fetchedAt === undefined) {
    job.fetchedAt = state.now();
    saveJob(state, job);
  }
  if (state.settings.generation === "old") return { status: 200, text };
  const escaped = text.replaceAll(/[<>&]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`);
  return { status: 200, text: escaped, headers: { "Content-Type": "application/json" } };
}

/** Issues a new log token for the assigned job (protocol section 2.9). */
export function refresh(state: HubState, row: AgentRow | undefined): Answer {
  if (row === undefined) return notFound;
  const job = assignedJob(state, row);
  if (job === undefined || isOver(state, job)) return { status: 422, text: "no job is assigned" };
  const token = signLogToken({
    secret: state.secret,
    issuedAt: state.now(),
    lifetimeMs: state.settings.logTokenMs,
    jobId: job.id,
    action: "PUSH",
  });
  return { status: 200, json: { token } };
}

/**
 * Removes the agent, or reserves its name. An assigned job runs into its time limit (protocol section 2.9).
 */
export function disconnect(state: HubState, row: AgentRow | undefined): Answer {
  if (row === undefined) return notFound;
  if (state.settings.nameHoldMs === 0) removeAgent(state, row);
  else {
    row.disconnectedAt = state.now();
    saveAgent(state, row);
  }
  return { status: 200, text: "disconnected" };
}

/** Whether the job has ended; the old generation does not check this. */
function isOver({ settings }: HubState, job: Job): boolean {
  return settings.generation === "new" && job.tornDownAt !== undefined;
}
