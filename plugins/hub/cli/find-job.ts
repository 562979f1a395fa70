import { AgentError } from "signalman";
import type { JobView } from "../view.ts";
import type { Client } from "./client.ts";

/** Finds a job by its id or how that begins. Throws `USAGE_INVALID` and says what is known. */
export async function findJob(client: Client, wanted: string): Promise<JobView> {
  const jobs = await client.call<readonly JobView[]>("GET", "/jobs");
  const found = jobs.filter(({ id }) => id.startsWith(wanted));
  const [first, second] = found;
  if (first !== undefined && second === undefined) return first;
  const problem = first === undefined ? "no job has the id" : "more than one job has an id that begins with";
  const known = (first === undefined ? jobs : found).slice(-5).map(({ id }) => id);
  throw new AgentError("USAGE_INVALID", `${problem} "${wanted}" (known: ${known.join(", ") || "none"})`);
}
