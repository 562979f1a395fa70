import { AgentError } from "signalman";
import type { JobView } from "../view.ts";
import type { Client } from "./client.ts";

/** Finds a job by its id or a unique prefix of it. Throws `USAGE_INVALID` with the ids of candidates. */
export async function findJob(client: Client, wanted: string): Promise<JobView> {
  const jobs = await client.call<readonly JobView[]>("GET", "/jobs");
  const found = jobs.filter(({ id }) => id.startsWith(wanted));
  const [first, second] = found;
  if (first !== undefined && second === undefined) return first;
  const candidates = (first === undefined ? jobs : found).slice(-5).map(({ id }) => id);
  const ids = candidates.join(", ") || "none";
  throw new AgentError(
    "USAGE_INVALID",
    first === undefined
      ? `job "${wanted}" not found (latest jobs: ${ids})`
      : `job id "${wanted}" is ambiguous (matches: ${ids})`,
  );
}
