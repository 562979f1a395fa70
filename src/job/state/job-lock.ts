import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { listPids, readArguments, readUid } from "../../os/processes/proc.ts";
import { sendSignal } from "../../os/processes/send-signal.ts";
import { findEntry } from "../../os/state/file.ts";
import { takeLock } from "../../os/state/lock.ts";
import { jobFiles } from "./job-files.ts";

/**
 * Whether a job's process is alive: it holds the lock in the job's directory. `false` when the directory was
 * removed, or when the lock was replaced by something that cannot be locked.
 */
export function isJobLocked(directory: string): boolean {
  if (!isDirectory(directory) || isReplaced(directory)) return false;
  using lock = takeLock(join(directory, jobFiles.lock), { onReadOnly: true });
  return lock === undefined;
}

/**
 * Acquires the lock of a dead process. Resolves to `undefined` when the process still holds it after 10 s.
 */
export async function waitForJobLock(directory: string): Promise<Disposable | undefined> {
  for (const deadline = performance.now() + exitMs; ; await sleep(20)) {
    if (!isDirectory(directory) || isReplaced(directory)) return noLock;
    const lock = takeLock(join(directory, jobFiles.lock), { onReadOnly: true });
    if (lock || performance.now() > deadline) return lock;
  }
}

/**
 * Kills a job's process that runs without its lock, because the job has removed or replaced the lock. An
 * exiting process gets time to exit. Resolves to whether one was killed, when it has exited.
 */
export async function endUnlocked(jobId: string): Promise<boolean> {
  const found = listPids().filter((pid) => isJobProcess(pid, jobId));
  const findLeft = () => found.filter((pid) => isJobProcess(pid, jobId));
  for (let tries = 0; tries < 50; tries += 1) {
    if (findLeft().length === 0) return false;
    await sleep(20);
  }
  for (const pid of findLeft()) sendSignal(pid, "SIGKILL");
  for (const deadline = performance.now() + exitMs; findLeft().length > 0 && performance.now() < deadline;)
    await sleep(20);
  return true;
}

/** Whether a pid is that of the process of this job: a number on disk may be anything. */
export function isJobProcess(pid: number, jobId: string): boolean {
  // Any user can start a process with these arguments. A process that is not dumpable belongs to root here.
  const uid = readUid(pid);
  if (uid !== 0 && uid !== process.getuid?.()) return false;
  const words = readArguments(pid);
  return pid !== process.pid && words.at(-2) === jobProcessCommand && words.at(-1) === jobId;
}

/** The command that runs a job's process. Its argument is the job's id. */
export const jobProcessCommand = "job-process";

const noLock: Disposable = { [Symbol.dispose]: () => {} };

const isDirectory = (path: string): boolean => findEntry(path)?.isDirectory() === true;

const isReplaced = (directory: string): boolean =>
  findEntry(join(directory, jobFiles.lock))?.isFile() === false;

/** Milliseconds that the kernel may need to end a dead process. */
const exitMs = 10_000;
