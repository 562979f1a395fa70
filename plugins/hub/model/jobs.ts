import type { JobRequest, JobResult } from "signalman";
import { sanitize } from "./sanitize-job.ts";
import { type HubState, isUuid, type Job, logOf, saveJob } from "./state.ts";
import { toWire } from "./wire-job.ts";

export interface SubmitOptions {
  /** A UUID that no job has yet. Default: the request's id if it is such a UUID, else a new one. */
  readonly id?: string | undefined;
  /** Maximum running time. Default: 24 hours, divided by the time scale. */
  readonly limitMs?: number | undefined;
}

/** Adds a job to the end of the queue. `origin` is the hub's URL. */
export function submit(
  state: HubState,
  request: JobRequest,
  { origin, id, limitMs }: SubmitOptions & { readonly origin: string },
): Job {
  const own = isUuid(request.id) && !state.jobs.has(request.id) ? request.id : crypto.randomUUID();
  const identity = { id: id ?? own, createdAt: state.now() };
  const wire = toWire({ ...request, id: identity.id }, { ...identity, ...tokenOptions(state), origin });
  return enqueue(state, { ...identity, name: request.name, wire, limitMs });
}

/**
 * Adds an invalid request to the queue, to test agents. Text is sent unchanged; an object gets `job_id` and
 * `logger` where they are missing.
 */
export function submitRaw(
  state: HubState,
  document: unknown,
  { origin, id = crypto.randomUUID(), limitMs }: SubmitOptions & { readonly origin: string },
): Job {
  const identity = { id, createdAt: state.now() };
  if (typeof document === "string") return enqueue(state, { ...identity, name: "", wire: document, limitMs });
  const { logger } = toWire(undefined, { ...identity, ...tokenOptions(state), origin });
  const isObject = typeof document === "object" && document !== null && !Array.isArray(document);
  const wire = isObject ? { job_id: id, logger, ...document } : JSON.stringify(document);
  return enqueue(state, { ...identity, name: "", wire, limitMs });
}

/**
 * Stops a job. It is finished at once; its agent learns of it at the next `running-job` sync (protocol
 * section 2.5).
 */
export function stopJob(state: HubState, job: Job, reason = "stopped by the user"): void {
  if (job.state === "finished") return;
  finish(state, job, "stopped", reason);
  sanitizeNow(state, job);
  // A removed agent cannot report the end of the job.
  if (job.agentId === undefined || !state.agents.has(job.agentId)) tearDown(state, job);
  else job.stopRequestedAt = state.now();
  saveJob(state, job);
}

/** Records the result that an agent reports. The server ignores a report without a result. */
export function reportFinished(state: HubState, job: Job, result: JobResult | undefined): void {
  if (result === undefined) return;
  if (job.state !== "finished") finish(state, job, result);
  tearDown(state, job);
  saveJob(state, job);
}

/** Fails a job whose agent will not report its end. */
export function failJob(state: HubState, job: Job, reason: string): void {
  if (job.state !== "finished") finish(state, job, "failed", reason);
  delete job.agentId;
  job.isGivenUp = true;
  tearDown(state, job);
  saveJob(state, job);
}

/** Removes the secrets of jobs that were fetched long enough ago (protocol section 3.2). */
export function sanitizeFetched(state: HubState): void {
  for (const job of state.jobs.values()) {
    if (job.fetchedAt === undefined || job.sanitizedAt !== undefined) continue;
    if (state.now() - job.fetchedAt >= state.settings.sanitizeDelayMs) sanitizeNow(state, job);
  }
}

export function isResult(text: string): text is JobResult {
  return text === "passed" || text === "failed" || text === "stopped";
}

function enqueue(
  state: HubState,
  { limitMs, ...job }: Pick<Job, "id" | "name" | "createdAt" | "wire"> & { limitMs: number | undefined },
): Job {
  const last = Math.max(0, ...[...state.jobs.values()].slice(-1).map(({ number }) => number));
  const queued: Job = {
    ...job,
    number: last + 1,
    limitMs: limitMs ?? state.settings.jobLimitMs,
    state: "queued",
    isWaiting: true,
  };
  state.jobs.set(queued.id, queued);
  saveJob(state, queued);
  return queued;
}

function finish(state: HubState, job: Job, result: JobResult, reason?: string): void {
  job.state = "finished";
  job.isWaiting = false;
  job.result = result;
  job.finishedAt = state.now();
  if (reason !== undefined) job.reason = reason;
}

/** Archives the log. Repeated calls have no effect, since the live log is then empty. */
function tearDown(state: HubState, job: Job): void {
  job.tornDownAt ??= state.now();
  logOf(state, job.id).archive();
}

function sanitizeNow(state: HubState, job: Job): void {
  job.sanitizedAt = state.now();
  if (typeof job.wire !== "string") job.wire = sanitize(job.wire);
  saveJob(state, job);
}

function tokenOptions({ secret, settings }: HubState): { secret: string; tokenLifetimeMs: number } {
  return { secret, tokenLifetimeMs: settings.logTokenMs };
}
