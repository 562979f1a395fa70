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
  /** Parent of the directory of locks. Default: the directory for temporary files. */
  readonly parent?: string;
  /** Longest wait for another job. Default: 30 minutes. */
  readonly maxWaitMs?: number;
}

/**
 * Waits until no other job of this user pulls the same image with the same engine, and acquires the lock.
 * Resolves without a lock when it cannot be acquired (full disk, directory of another user) or after
 * `maxWaitMs`: two concurrent pulls only cost time. Rejects when `signal` aborts.
 */
export async function lockPull(options: PullLockOptions, signal: AbortSignal): Promise<Disposable> {
  const { engine, image, onWait, parent = realpathSync(tmpdir()), maxWaitMs = 1_800_000 } = options;
  const name = createHash("sha256").update(`${engine}\n${image}`).digest("hex").slice(0, 32);
  try {
    const directory = makeOwnDirectory(join(parent, `signalman-pulls-${process.getuid?.() ?? 0}`));
    for (let waitedMs = 0; waitedMs <= maxWaitMs; waitedMs += pollMs) {
      signal.throwIfAborted();
      const lock = takeLock(join(directory, name));
      if (lock) return lock;
      if (waitedMs === 0) onWait();
      await sleep(pollMs, undefined, { signal });
    }
  } catch (error) {
    if (signal.aborted) throw error;
  }
  return { [Symbol.dispose]() {} };
}

const pollMs = 200;
