import { decodeBase64, type JobRequest } from "signalman";
import type { Access } from "../credentials.ts";
import { isProjectId } from "../sharing.ts";

/**
 * Returns the access that a job gets to the cache, or why it gets none. Of several variables with one name the first
 * one counts, other than in the job: later ones are those of the pipeline's author, who could name another project.
 */
export function findAccess(job: Pick<JobRequest, "id" | "env">): Access | string {
  const project = readFirst(job, "SEMAPHORE_PROJECT_ID") ?? "";
  if (project === "") return "the job has no SEMAPHORE_PROJECT_ID";
  if (!isProjectId(project)) return "the job's SEMAPHORE_PROJECT_ID is not an id";
  return { project, job: job.id, canWrite: !isOfFork(job) };
}

/** Returns the name of a variable with which the job, `env-vars` or the agent's environment chooses a cache. */
export function findOwnVariable(
  { env, containers }: Pick<JobRequest, "env" | "containers">,
  agentEnvironment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const names = [...env, ...(containers[0]?.env ?? [])].map(({ name }) => name);
  return [...names, ...Object.keys(agentEnvironment)].find((name) => name.startsWith("SEMAPHORE_CACHE_"));
}

/** A pull request of a fork is the work of people who may not change the repository, nor what its jobs restore. */
function isOfFork(job: Pick<JobRequest, "env">): boolean {
  const from = readFirst(job, "SEMAPHORE_GIT_PR_SLUG") ?? "";
  return from !== "" && from !== readFirst(job, "SEMAPHORE_GIT_REPO_SLUG");
}

function readFirst({ env }: Pick<JobRequest, "env">, wanted: string): string | undefined {
  const value = env.find(({ name }) => name === wanted)?.value;
  const bytes = value === undefined ? undefined : decodeBase64(value);
  return bytes && new TextDecoder().decode(bytes);
}
