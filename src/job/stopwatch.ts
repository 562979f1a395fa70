import type { JobSpan } from "../core/contracts/job-phases.ts";

/** Starts to measure. The returned function returns the span from the start until its call. */
export function startStopwatch(): () => JobSpan {
  const startedAt = Date.now();
  const begun = performance.now();
  return () => ({ startedAt, durationMs: performance.now() - begun });
}

/** As {@link startStopwatch}, from a time in Unix milliseconds. */
export function elapsedSince(startedAt: number): () => JobSpan {
  return () => ({ startedAt, durationMs: Math.max(0, Date.now() - startedAt) });
}
