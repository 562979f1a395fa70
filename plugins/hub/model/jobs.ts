import { randomUUID } from "node:crypto";
import type { JobRequest, JobResult } from "signalman";
import { sanitize } from "./sanitize.ts";
import { type HubState, isUuid, type Job, logOf, saveJob } from "./state.ts";
import { toWire } from "./wire.ts";

export interface SubmitOptions {
  /** A UUID that no job has yet. Default: the request's own when it is such a one, else a new one. */
  readonly id?: string | undefined;
  /** How long it may run. Default: 24 h by the server's clock. */
  readonly limitMs?: number | undefined;
}

/** Puts a job at the end of the queue. `origin` is where agents find the hub. */
export function submit(
  state: HubState,
  request: JobRequest,
  { origin, id, limitMs }: SubmitOptions & { readonly origin: string },
): Job {
  const own = isUuid(request.id) && !state.jobs.has(request.id) ? request.id : randomUUID();
  const identity = { id: id ?? own, createdAt: state.now() };
  const wire = toWire({ ...request, id: identity.id }, { ...identity, ...tokenOptions(state), origin });
  return enqueue(state, { ...identity, name: request.name, wire, limitMs });
}

/**
 * Puts in the queue what is no good request, for tests of agents: text is what they get, word for word; anything else gets
 * `job_id` and `logger` where it has none.
 */
export function submitAsItIs(
  state: HubState,
  given: unknown,
  { origin, id = randomUUID(), limitMs }: SubmitOptions & { readonly origin: string },
): Job {
  const identity = { id, createdAt: state.now() };
  if (typeof given === "string") return enqueue(state, { ...identity, name: "", wire: given, limitMs });
  const { logger } = toWire(undefined, { ...identity, ...tokenOptions(state), origin });
  const isObject = typeof given === "object" && given !== null && !Array.isArray(given);
  const wire = isObject ? { job_id: id, logger, ...given } : JSON.stringify(given);
  return enqueue(state, { ...identity, name: "", wire, limitMs });
}

/** The user stops a job: it is over at once, and its agent is told when it next says that it runs (section 2.5). */
export function stopJob(state: HubState, job: Job, reason = "stopped by the user"): void {
  if (job.state === "finished") return;
  finish(state, job, "stopped", reason);
  sanitizeNow(state, job);
  // An agent that is gone will not report anything.
  if (job.agentId === undefined || !state.agents.has(job.agentId)) tearDown(state, job);
  else job.stopRequestedAt = state.now();
  saveJob(state, job);
}

/** An agent reports the end. Without a result the server is not told of it, and waits on. */
export function reportFinished(state: HubState, job: Job, result: JobResult | undefined): void {
  if (result === undefined) return;
  if (job.state !== "finished") finish(state, job, result);
  tearDown(state, job);
  saveJob(state, job);
}

/** Nobody will report the end of this job. */
export function failJob(state: HubState, job: Job, reason: string): void {
  if (job.state !== "finished") finish(state, job, "failed", reason);
  delete job.agentId;
  job.isGivenUp = true;
  tearDown(state, job);
  saveJob(state, job);
}

/** Takes the secrets out of jobs that an agent has had for long enough (section 3.2). */
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

/** Again and again it is harmless: the archiver finds no log. */
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
