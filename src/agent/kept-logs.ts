import { basename, join } from "node:path";
import type { JobSummary } from "../core/contracts/job-summary.ts";
import { readSummary as readStoredSummary } from "../job/state/job-documents.ts";
import { jobFiles } from "../job/state/job-files.ts";
import { findEntry, listDirectory, removeEntry, resolveLinks } from "../os/state/file.ts";
import { findHolder } from "../os/state/lock.ts";

/** The log of a job that has run or is running on this host. */
export interface KeptLog {
  readonly jobId: string;
  /** The job's state directory. */
  readonly directory: string;
  readonly spool: string;
  readonly bytes: number;
  /** Time of the last event. */
  readonly date: Date;
  /**
   * `undefined`: the job is running. `unknown`: it is not, and its result is missing, damaged, or of a newer
   * release.
   */
  readonly result: JobSummary["result"] | "unknown" | undefined;
  readonly summary: JobSummary | undefined;
  /** Whether the control plane has the job's result. */
  readonly isReleased: boolean;
}

export interface KeptLogLimits {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

/** Lists the logs below a state directory, of every agent and slot; newest first. */
export function listKeptLogs(stateDirectory: string): KeptLog[] {
  return listDirectories(join(resolveLinks(stateDirectory), "agents"))
    .flatMap(listDirectories)
    .flatMap((slot) => listLogs(join(slot, "jobs")))
    .toSorted(newestFirst);
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
    for (const { directory, bytes, date } of listSpools(jobs).toSorted(newestFirst)) {
      seenBytes += bytes;
      const isExcess = seenBytes > mostBytes || date.getTime() < now - maxAgeMs;
      if (isExcess && isReleased(directory)) removeEntry(directory);
      else totalBytes += bytes;
    }
  };
  return {
    prune: () => prune(maxBytes),
    add(directory) {
      totalBytes += findSpool(directory)?.bytes ?? 0;
      // With some space left, so that not each of the next jobs finds the size exceeded.
      if (totalBytes > maxBytes) prune(maxBytes * spareFactor);
      else if (Date.now() > lookAt) prune(maxBytes);
    },
  };
}

const lookMs = 3_600_000;
const spareFactor = 0.95;

type Spool = Pick<KeptLog, "directory" | "spool" | "bytes" | "date">;

function listSpools(jobs: string): Spool[] {
  return listDirectories(jobs).flatMap((directory) => findSpool(directory) ?? []);
}

function findSpool(directory: string): Spool | undefined {
  const spool = join(directory, jobFiles.spool);
  const entry = findEntry(spool);
  return entry && { directory, spool, bytes: entry.isFile() ? entry.size : 0, date: entry.mtime };
}

function listLogs(jobs: string): KeptLog[] {
  return listSpools(jobs).map((log) => ({
    ...log,
    jobId: basename(log.directory),
    ...readSummary(log.directory),
    isReleased: isReleased(log.directory),
  }));
}

function newestFirst(a: Pick<KeptLog, "date">, b: Pick<KeptLog, "date">): number {
  return b.date.getTime() - a.date.getTime();
}

function isReleased(directory: string): boolean {
  return findEntry(join(directory, jobFiles.request)) === undefined;
}

function readSummary(directory: string): Pick<KeptLog, "result" | "summary"> {
  try {
    const isRunning = findHolder(join(directory, jobFiles.lock)) !== undefined;
    const summary = readStoredSummary(directory);
    return { result: summary?.result ?? (isRunning ? undefined : "unknown"), summary };
  } catch {
    return { result: "unknown", summary: undefined };
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
