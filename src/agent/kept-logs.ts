import { basename, join } from "node:path";
import type { JobSummary } from "../core/contracts/job-summary.ts";
import { readSummary as readStoredSummary } from "../job/process/job-documents.ts";
import { jobFiles } from "../job/process/messages.ts";
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
  /** `undefined`: the job is running. `unknown`: it is not, and its result is missing, damaged, or of a newer release. */
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

/** Removes logs of a slot that are too old, and the oldest beyond the total size. Logs of jobs that are not reported yet are kept. */
export interface LogPruner {
  /** Reads the size of a job's log, which is complete: the next call of `prune` counts it as the newest. */
  add(directory: string): void;
  /** The job's directory is removed. */
  forget(directory: string): void;
  prune(): void;
}

/** Lists the logs that are there once, since the agent that uses the slot is the only one that adds some. */
export function createLogPruner(jobs: string, { maxBytes, maxAgeMs }: KeptLogLimits): LogPruner {
  /** By directory; the oldest first. */
  const logs = new Map(
    listSpools(jobs)
      .toSorted(newestFirst)
      .toReversed()
      .map((log) => [log.directory, log]),
  );
  return {
    add(directory) {
      logs.delete(directory);
      const log = findSpool(directory);
      if (log) logs.set(directory, log);
    },
    forget: (directory) => void logs.delete(directory),
    prune() {
      const oldest = Date.now() - maxAgeMs;
      let total = 0;
      for (const { directory, bytes, date } of [...logs.values()].toReversed()) {
        total += bytes;
        const isExcess = total > maxBytes || date.getTime() < oldest;
        if (!isExcess || !isReleased(directory)) continue;
        removeEntry(directory);
        logs.delete(directory);
      }
    },
  };
}

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
