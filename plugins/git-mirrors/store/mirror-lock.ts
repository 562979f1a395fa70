import { setTimeout as sleep } from "node:timers/promises";
import { takeLock } from "signalman/host";
import { makeDirectory } from "./files.ts";
import type { MirrorPaths } from "./layout.ts";

/** Takes the lock of a mirror when it is free; `undefined` when another process has it. */
export async function tryLock({ directory, lock }: MirrorPaths): Promise<Disposable | undefined> {
  await makeDirectory(directory);
  const held = takeLock(lock);
  if (held?.isInPlace === true) return held;
  // The mirror was removed between the two calls.
  held?.[Symbol.dispose]();
  return undefined;
}

/**
 * Waits for the lock of a mirror; `undefined` when the signal aborts, or `isNeeded` no longer holds, first. The death
 * of a holder releases it.
 */
export async function waitForLock(
  paths: MirrorPaths,
  signal: AbortSignal,
  isNeeded: () => Promise<boolean> = async () => true,
): Promise<Disposable | undefined> {
  while (!signal.aborted) {
    const held = await tryLock(paths);
    if (held !== undefined) return held;
    if (!(await isNeeded())) return undefined;
    await sleep(pauseMs, undefined, { signal }).catch(() => {});
  }
  return undefined;
}

const pauseMs = 50;
