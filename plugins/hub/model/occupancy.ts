import { isSameToken } from "signalman/http";
import { type Answer, notFound } from "./answer.ts";
import { assignedJob, type HubState } from "./state.ts";

/**
 * Answers `/metrics`, `/occupancy` and `/jobs`, which require the registration token (protocol section 2.10).
 */
export function countJobs(state: HubState, token: string, what: "metrics" | "occupancy" | "jobs"): Answer {
  if (!isSameToken(token, state.settings.token)) return notFound;
  const jobs = [...state.jobs.values()];
  const queued = jobs.filter((job) => job.state === "queued");
  if (what === "jobs") return { status: 200, json: { jobs: queued.slice(0, 500).map(({ id }) => ({ id })) } };
  const counted = { queued: queued.length, running: jobs.filter((job) => job.state === "running").length };
  if (what === "occupancy") return { status: 200, json: counted };
  const rows = [...state.agents.values()];
  const occupied = rows.filter((row) => assignedJob(state, row) !== undefined).length;
  return { status: 200, json: { jobs: counted, agents: { idle: rows.length - occupied, occupied } } };
}
