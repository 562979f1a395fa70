import { join } from "node:path";
import type { JobSummary } from "../core/contracts/job-summary.ts";
import type { SpoolSource } from "../job/log/spool-source.ts";
import { readSummary } from "../job/state/job-documents.ts";
import { jobFiles } from "../job/state/job-files.ts";
import { findEntry } from "../os/state/file.ts";
import { findHolder } from "../os/state/lock.ts";
import { watchDirectory } from "../os/state/watch-directory.ts";
import { isReleased, type JobPlace } from "./kept-logs.ts";

/**
 * Why a log has ended. `finished`: the job has a result. `died`: its process is dead, and no agent has closed
 * the log. `incomplete`: the job was reported, and its result is not on disk. `removed`: another log may have
 * its place.
 */
export type JobLogEnd =
  | {
      readonly reason: "finished";
      readonly summary: JobSummary;
      /** How the log differs from what was written, if another process changed it. */
      readonly change?: string;
    }
  | { readonly reason: "died" | "incomplete" | "removed" };

export interface LogWatchOptions {
  /** Milliseconds that an agent has to return and close the log of a dead process. */
  readonly claimMs: number;
  /** Whether the spool is still the one that is read. */
  readonly isInPlace: () => boolean;
}

/** The writer of a log as its files show it, to a process that is not connected to it. */
export interface LogWatch extends SpoolSource, Disposable {
  /** Set once the log is closed. */
  readonly end: JobLogEnd | undefined;
}

/** Watches the job's directory, and looks from time to time for what no change in it shows, such as a death. */
export function watchLog(job: JobPlace, options: LogWatchOptions): LogWatch {
  const findEnd = createEndSearch(job, options);
  const listeners = new Set<() => void>();
  let end = findEnd();
  let timer: NodeJS.Timeout | undefined;
  const wake = () => {
    for (const listener of listeners) listener();
  };
  const look = () => {
    end ??= findEnd();
    wake();
  };
  const soon = createCollector((isLookNeeded) => (isLookNeeded ? look() : wake()));
  const watcher = watchDirectory(job.directory, (name) => soon.call(name !== jobFiles.spool));
  return {
    get closed() {
      return end !== undefined;
    },
    get end() {
      return end;
    },
    watch(listener) {
      listeners.add(listener);
      timer ??= setInterval(look, watcher ? watchedMs : unwatchedMs);
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      };
    },
    [Symbol.dispose]() {
      watcher?.[Symbol.dispose]();
      soon.cancel();
    },
  };
}

/** Milliseconds between two looks, if changes are reported and if they are not. */
const watchedMs = 1000;
const unwatchedMs = 200;

/** Calls `work` once for all calls within 10 ms, since a job can change its files without a pause. */
function createCollector(work: (isLookNeeded: boolean) => void) {
  let timer: NodeJS.Timeout | undefined;
  let needed = false;
  return {
    call(isLookNeeded: boolean): void {
      needed ||= isLookNeeded;
      timer ??= setTimeout(() => {
        const isNeeded = needed;
        timer = undefined;
        needed = false;
        work(isNeeded);
      }, 10);
    },
    cancel: () => clearTimeout(timer),
  };
}

function createEndSearch(
  job: JobPlace,
  { claimMs, isInPlace }: LogWatchOptions,
): () => JobLogEnd | undefined {
  let found: "died" | "incomplete" | undefined;
  let since = 0;
  return () => {
    if (!isInPlace()) return { reason: "removed" };
    const summary = findSummary(job.directory);
    if (summary) return { reason: "finished", summary };
    const reason = isReleased(job.directory) ? "incomplete" : isAwaited(job) ? undefined : "died";
    const now = performance.now();
    if (reason !== found) since = now;
    found = reason;
    return reason && now - since >= (reason === "died" ? claimMs : storeMs) ? { reason } : undefined;
  };
}

/** Milliseconds that an agent may take between the log and the request of a job that it refuses. */
const storeMs = 1000;

/** Whether the job's process or its agent runs. */
export function isAwaited({ directory, agent }: JobPlace): boolean {
  return [join(directory, jobFiles.lock), join(agent, "lock")].some((lock) => findHolder(lock) !== undefined);
}

/** A damaged result is replaced when the job is closed; that of a newer release remains. */
function findSummary(directory: string): JobSummary | undefined {
  try {
    return findEntry(join(directory, jobFiles.result)) && readSummary(directory);
  } catch {
    return undefined;
  }
}
