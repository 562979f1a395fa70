import { basename, join } from "node:path";
import type { JobSummary } from "../core/contracts/job-summary.ts";
import { readStart } from "../job/log/read-start.ts";
import { readSummary } from "../job/state/job-documents.ts";
import { isJobId, jobFiles } from "../job/state/job-files.ts";
import { findEntry, listDirectory, removeEntry, resolveLinks } from "../os/state/file.ts";
import { findHolder } from "../os/state/lock.ts";

/** A job whose log is on this host. */
export interface StoredJob {
  readonly id: string;
  /** The agent's slot that runs or ran the job, from 0. */
  readonly slot: number;
  /** `died`: its process is dead, and its result is missing, damaged, or of a newer release. */
  readonly state: "running" | "finished" | "died";
  /** Its result. Left out unless it has finished. */
  readonly summary?: JobSummary;
  /** Start of its log, in Unix milliseconds of whole seconds. Left out when it is unknown. */
  readonly startedAt?: number;
  /** Time of the last event, in Unix milliseconds. */
  readonly changedAt: number;
  readonly bytes: number;
  /** Whether the control plane has the job's result. */
  readonly isReported: boolean;
  /** The job's state directory. */
  readonly directory: string;
  /** Path of its log. */
  readonly spool: string;
}

export interface KeptLogLimits {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

export interface ListJobsOptions {
  readonly stateDirectory: string;
  /** First characters of the ids. Default: any. */
  readonly prefix?: string;
  /** Number of the jobs whose logs have changed last; the files of the others are not read. Default: all. */
  readonly most?: number;
}

/**
 * Lists the jobs below a state directory, of every agent and slot, or of the agent whose own directory it is; the last
 * one that started comes first.
 */
export function listJobs({ stateDirectory, prefix, most }: ListJobsOptions): StoredJob[] {
  return listSlots(stateDirectory)
    .flatMap(({ slot, jobs }) => listSpools(jobs, prefix).map((spool) => ({ spool, slot })))
    .toSorted((a, b) => newestFirst(a.spool, b.spool))
    .slice(0, most)
    .map(({ spool, slot }) => toJob(spool, slot))
    .toSorted((a, b) => startOf(b) - startOf(a) || b.changedAt - a.changedAt);
}

/** Where a job of this agent is on disk. */
export interface JobPlace {
  /** The job's state directory. */
  readonly directory: string;
  /** The directory of its agent. */
  readonly agent: string;
}

/** Finds a job by its id: of several, the one whose log has changed last. */
export function findJobPlace(
  jobId: string,
  { stateDirectory }: { readonly stateDirectory: string },
): JobPlace | undefined {
  if (!isJobId(jobId)) return undefined;
  const changedAt = ({ directory }: JobPlace) => findSpool(directory)?.changedAt ?? Infinity;
  const [last] = listSlots(stateDirectory)
    .map(({ jobs, agent }) => ({ directory: join(jobs, jobId), agent }))
    .filter(({ directory }) => findEntry(directory)?.isDirectory())
    .toSorted((a, b) => changedAt(b) - changedAt(a));
  return last;
}

/**
 * Removes logs of a slot that are too old, and the oldest beyond the total size. Logs of jobs that are not
 * reported yet are kept.
 */
export interface LogPruner {
  /** Reads all logs. */
  prune(): void;
  /**
   * Called when a job's log is complete: reads that one only, and all when the size is exceeded or an hour
   * has passed.
   */
  add(directory: string): void;
}

/** Keeps nothing of a log: a slot may have many. */
export function createLogPruner(jobs: string, { maxBytes, maxAgeMs }: KeptLogLimits): LogPruner {
  let totalBytes = 0;
  let lookAt = 0;
  const prune = (mostBytes: number) => {
    const now = Date.now();
    let seenBytes = 0;
    totalBytes = 0;
    lookAt = now + lookMs;
    for (const spool of listSpools(jobs).toSorted(newestFirst)) {
      const { directory, changedAt } = spool;
      const bytes = countBytes(spool);
      seenBytes += bytes;
      const isExcess = seenBytes > mostBytes || changedAt < now - maxAgeMs;
      if (isExcess && isReleased(directory)) removeEntry(directory);
      else totalBytes += bytes;
    }
  };
  return {
    prune: () => prune(maxBytes),
    add(directory) {
      const spool = findSpool(directory);
      totalBytes += spool ? countBytes(spool) : 0;
      // With some space left, so that not each of the next jobs finds the size exceeded.
      if (totalBytes > maxBytes) prune(maxBytes * spareFactor);
      else if (Date.now() > lookAt) prune(maxBytes);
    },
  };
}

const lookMs = 3_600_000;
const spareFactor = 0.95;

/** The slots of all agents, or of the agent whose directory it is, with the directories of their jobs. */
function listSlots(
  stateDirectory: string,
): { readonly slot: number; readonly jobs: string; readonly agent: string }[] {
  const root = resolveLinks(stateDirectory);
  return [...listDirectories(join(root, "agents")), root].flatMap((agent) =>
    listDirectories(agent).flatMap((path) => {
      const slot = /^slot-(\d{1,6})$/.exec(basename(path))?.[1];
      return slot === undefined ? [] : [{ slot: Number(slot), jobs: join(path, "jobs"), agent }];
    }),
  );
}

type Spool = Pick<StoredJob, "directory" | "spool" | "bytes" | "changedAt">;

function listSpools(jobs: string, prefix = ""): Spool[] {
  return listDirectories(jobs)
    .filter((directory) => basename(directory).startsWith(prefix))
    .flatMap((directory) => findSpool(directory) ?? []);
}

function findSpool(directory: string): Spool | undefined {
  const spool = join(directory, jobFiles.spool);
  const entry = findEntry(spool);
  return entry && { directory, spool, bytes: entry.isFile() ? entry.size : 0, changedAt: entry.mtimeMs };
}

/** Bytes of a log and of what was recorded beside it. */
function countBytes({ directory, bytes }: Spool): number {
  return bytes + (findEntry(join(directory, jobFiles.timeline))?.size ?? 0);
}

function toJob(spool: Spool, slot: number): StoredJob {
  const startedAt = (readStart(spool.spool) ?? Infinity) * 1000;
  return {
    id: basename(spool.directory),
    slot,
    ...readState(spool.directory),
    // A log cannot have begun after its last event.
    ...(startedAt <= spool.changedAt && { startedAt }),
    ...spool,
    isReported: isReleased(spool.directory),
  };
}

function newestFirst(a: Spool, b: Spool): number {
  return b.changedAt - a.changedAt;
}

const startOf = ({ startedAt, changedAt }: StoredJob): number => startedAt ?? changedAt;

export function isReleased(directory: string): boolean {
  return findEntry(join(directory, jobFiles.request)) === undefined;
}

function readState(directory: string): Pick<StoredJob, "state" | "summary"> {
  try {
    const isRunning = findHolder(join(directory, jobFiles.lock)) !== undefined;
    const summary = readSummary(directory);
    return summary ? { state: "finished", summary } : { state: isRunning ? "running" : "died" };
  } catch {
    return { state: "died" };
  }
}

function listDirectories(path: string): string[] {
  try {
    return listDirectory(path)
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(path, entry.name));
  } catch {
    return [];
  }
}
