import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { takeLock } from "../../os/state/lock.ts";
import { jobFiles } from "./messages.ts";

/** Whether a job's process is alive: it holds the lock in the job's directory. `false` when the directory was removed. */
export function isJobLocked(directory: string): boolean {
  if (!existsSync(directory)) return false;
  using lock = takeLock(join(directory, jobFiles.lock), { onReadOnly: true });
  return lock === undefined;
}

/** Takes a dead process's lock. Resolves to `undefined` when the process still holds it after 10 s. */
export async function waitForJobLock(directory: string): Promise<Disposable | undefined> {
  for (const deadline = performance.now() + exitMs; ; await sleep(20)) {
    const lock = takeLock(join(directory, jobFiles.lock), { onReadOnly: true });
    if (lock || performance.now() > deadline) return lock;
  }
}

/** Milliseconds that the kernel may need to end a dead process. */
const exitMs = 10_000;
