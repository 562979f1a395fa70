import { createHash } from "node:crypto";
import { mkdirSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { takeLock } from "signalman";

/**
 * Waits until no other job of this user pulls the same image from the same engine. Where no lock can be had (a full disk), there is
 * none: the engine bears two pulls. Rejects when `signal` aborts.
 */
export async function lockPull(
  options: { readonly engine: string; readonly image: string; readonly onWait: () => void },
  signal: AbortSignal,
): Promise<Disposable> {
  const { engine, image, onWait } = options;
  const directory = join(realpathSync(tmpdir()), `signalman-pulls-${process.getuid?.() ?? 0}`);
  const name = createHash("sha256").update(`${engine}\n${image}`).digest("hex").slice(0, 32);
  try {
    makeDirectory(directory);
    for (let isFirst = true; ; isFirst = false) {
      signal.throwIfAborted();
      const lock = takeLock(join(directory, name));
      if (lock) return lock;
      if (isFirst) onWait();
      await sleep(lookMs, undefined, { signal });
    }
  } catch (error) {
    if (signal.aborted) throw error;
    return { [Symbol.dispose]() {} };
  }
}

const lookMs = 200;

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
