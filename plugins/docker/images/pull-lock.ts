import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeOwnDirectory, takeLock } from "signalman/host";

export interface PullLockOptions {
  readonly engine: string;
  readonly image: string;
  /** Called when another job holds the lock. */
  readonly onWait: () => void;
  /** Where the directory of the locks is. Default: the directory for temporary files. */
  readonly place?: string;
  /** Longest wait for another job. Default: 30 minutes. */
  readonly maxWaitMs?: number;
}

/**
 * Waits until no other job of this user pulls the same image from the same engine, and takes the lock.
 * Resolves without a lock when the lock cannot be taken (a full disk, a directory of another user) or another
 * process holds it for `maxWaitMs`. Two pulls at once cost time only. Rejects when `signal` aborts.
 */
export async function lockPull(options: PullLockOptions, signal: AbortSignal): Promise<Disposable> {
  const { engine, image, onWait, place = realpathSync(tmpdir()), maxWaitMs = 1_800_000 } = options;
  const name = createHash("sha256").update(`${engine}\n${image}`).digest("hex").slice(0, 32);
  try {
    const directory = makeOwnDirectory(join(place, `signalman-pulls-${process.getuid?.() ?? 0}`));
    for (let waitedMs = 0; waitedMs <= maxWaitMs; waitedMs += lookMs) {
      signal.throwIfAborted();
      const lock = takeLock(join(directory, name));
      if (lock) return lock;
      if (waitedMs === 0) onWait();
      await sleep(lookMs, undefined, { signal });
    }
  } catch (error) {
    if (signal.aborted) throw error;
  }
  return { [Symbol.dispose]() {} };
}

const lookMs = 200;
