import { createHash, randomBytes, randomUUID } from "node:crypto";
import { isSameToken } from "signalman/http";
import { type Answer, notFound } from "./answer.ts";
import { decideName, type FetchSigned } from "./names.ts";
import type { RateBucket } from "./rate-bucket.ts";
import { parseJson, parseRegistration, type Registration } from "./registration-body.ts";
import { type AgentRow, type HubState, isUuid, saveAgent, saveJob } from "./state.ts";

export interface RegisterOptions {
  readonly fetchSigned: FetchSigned;
  readonly bucket: RateBucket;
}

/** Registers an agent after the checks of protocol section 2.1, in their order. */
export async function register(
  state: HubState,
  token: string,
  body: string,
  { fetchSigned, bucket }: RegisterOptions,
): Promise<Answer> {
  if (!isSameToken(token, state.settings.token)) return notFound;
  const limited = bucket.take();
  if (limited !== undefined) return limited;
  const registration = parseRegistration(parseJson(body));
  if (registration === undefined) return { status: 422, text: "the body is not a valid registration" };
  if (registration.job_id !== "" && !registration.single_job) {
    return refuse("job can only be requested if agent disconnects after running it");
  }
  const decision = await decideName(registration.name, state.settings.nameOrigin, fetchSigned);
  if ("refused" in decision) return refuse(decision.refused);
  return insert(state, decision.name, registration);
}

export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** Inserts the agent. The server holds a lock here, so this function must not await anything. */
function insert(state: HubState, name: string, registration: Registration): Answer {
  const overQuota = checkQuota(state);
  if (overQuota !== undefined) return overQuota;

  const { job_id: jobId } = registration;
  if (jobId !== "" && !isUuid(jobId)) return { status: 500, text: "job_id is not a UUID" };
  const job = jobId === "" ? undefined : state.jobs.get(jobId);
  if (jobId !== "" && job?.isWaiting !== true) return refuse("job not available");

  const token = randomBytes(40).toString("hex");
  const answer: Answer = { status: 201, json: { name, token } };
  const taken = [...state.agents.values()].find((row) => row.name === name);
  if (taken !== undefined) {
    if (!isRetry(state, taken)) return refuse("agent can't be registered");
    taken.tokenHash = hashToken(token);
    saveAgent(state, taken);
    return answer;
  }

  const now = state.now();
  const row: AgentRow = {
    id: randomUUID(),
    name,
    tokenHash: hashToken(token),
    registration,
    createdAt: now,
    lastSyncState: "",
    lastStateChangeAt: now,
    lastSyncJobId: "",
    interruptedAt: 0,
  };
  state.agents.set(row.id, row);
  saveAgent(state, row);
  if (job !== undefined) {
    job.isWaiting = false;
    job.agentId = row.id;
    saveJob(state, job);
  }
  return answer;
}

function checkQuota(state: HubState): Answer | undefined {
  const { quota } = state;
  if (quota === "unavailable") return { status: 500, text: "the quota is not available" };
  if (quota === "off") {
    return { status: 422, text: "self_hosted_agents feature is not available for the organization" };
  }
  const registered = [...state.agents.values()].filter((row) => row.disconnectedAt === undefined);
  if (registered.length < quota) return undefined;
  return { status: 422, text: "agent quota for organization has been reached" };
}

/** Whether this may be a retry after a lost answer: the agent of that name is new and was never used. */
function isRetry(state: HubState, row: AgentRow): boolean {
  const { lastSyncAt, disconnectedAt, createdAt } = row;
  if (lastSyncAt !== undefined || disconnectedAt !== undefined) return false;
  return state.now() - createdAt < state.settings.registerAgainMs;
}

function refuse(text: string): Answer {
  return { status: 400, text };
}
