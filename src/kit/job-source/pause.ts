import { setTimeout as sleep } from "node:timers/promises";

/** Pauses between two attempts. They end early when the signal aborts. */
export interface Pause {
  /** Waits for the shortest time. */
  reset(signal: AbortSignal): Promise<void>;
  /** Waits twice as long as the last time, up to 30 s. */
  grow(signal: AbortSignal): Promise<void>;
}

export function createPause(pollMs = 1000): Pause {
  let durationMs = pollMs;
  const wait = (signal: AbortSignal) => sleep(durationMs, undefined, { signal }).catch(() => {});
  return {
    async reset(signal) {
      durationMs = pollMs;
      await wait(signal);
    },
    async grow(signal) {
      await wait(signal);
      durationMs = Math.max(pollMs, Math.min(durationMs * 2, longestMs));
    },
  };
}

const longestMs = 30_000;
