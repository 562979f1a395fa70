import { futimesSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { readBootId } from "signalman/host";

/**
 * How long the agent's lease is valid, for the processes of its jobs: a file in the state directory whose content is
 * the holder, and whose modification time is the end of the validity on the machine's monotonic clock. No byte is
 * written after its creation, so that a full disk changes nothing.
 */
export interface LeaseFile {
  /** The lease is valid for this time from now on. Throws the error of the system. */
  extend(validMs: number): void;
  /** Ends the validity. Never throws. */
  expire(): void;
}

export function toLeaseFile(stateDirectory: string): string {
  return join(stateDirectory, "kubernetes-lease");
}

/** Creates the file for this process. Throws the error of the system. */
export function createLeaseFile(path: string, holder: string): LeaseFile {
  const next = `${path}.next`;
  rmSync(next, { force: true, recursive: true });
  // Kept open: once another agent has replaced the file, this one changes nothing of it.
  const fd = openSync(next, "wx", 0o600);
  writeSync(fd, toContent(holder));
  futimesSync(fd, 0, 0);
  renameSync(next, path);
  return {
    extend(validMs) {
      if (validMs <= 0) return;
      const until = readUptime() + validMs / 1000;
      futimesSync(fd, until, until);
    },
    expire() {
      try {
        futimesSync(fd, 0, 0);
      } catch {
        // It ends by itself.
      }
    },
  };
}

/** Removes the file of an earlier process, which had a lease. */
export function removeLeaseFile(path: string): void {
  rmSync(path, { force: true, recursive: true });
}

/** The agent's lease, as a process of a job sees it. */
export interface LeaseView {
  /** Returns why the agent may not act any more; `undefined` while its lease is valid. Reads the file when needed. */
  findEnd(): string | undefined;
  /** Reads the file. */
  refresh(): void;
}

/** Returns `undefined` when the agent has no lease. */
export function viewLease(path: string): LeaseView | undefined {
  const holder = readContent(path);
  if (holder === undefined) return undefined;
  let until = 0;
  let end: string | undefined;
  const view: LeaseView = {
    refresh() {
      if (readContent(path) !== holder) end = "another agent has taken the lease of the state directory";
      const leftMs = (readModified(path) - readUptime()) * 1000;
      until = performance.now() + leftMs;
      if (leftMs <= 0) end ??= "the agent's lease has ended";
    },
    findEnd() {
      if (end === undefined && performance.now() > until) view.refresh();
      return end;
    },
  };
  return view;
}

/** A further start of this machine has another clock. */
function toContent(holder: string): string {
  return `${readBootId()} ${holder}\n`;
}

function readContent(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function readModified(path: string): number {
  return (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) / 1000;
}

/** Seconds of the clock that all processes of the machine share, and that runs on while they are suspended. */
function readUptime(): number {
  return Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
}
