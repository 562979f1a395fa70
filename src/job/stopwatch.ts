import type { JobSpan } from "../core/contracts/job-phases.ts";

/** Starts to measure. The returned function returns the span from the start until its call. */
export function startStopwatch(): () => JobSpan {
  const startedAt = Date.now();
  const begun = performance.now();
  return () => ({ startedAt, durationMs: performance.now() - begun });
}
