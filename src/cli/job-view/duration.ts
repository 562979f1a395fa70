import { toSpan } from "../../core/amounts.ts";

/** The times of a stretch of a job: to the second from its events, and as this process saw them go by. */
export interface Stretch {
  readonly fromSeconds: number;
  readonly toSeconds: number;
  readonly seenMs: number;
}

/**
 * How long it took: in tenths of a second when what was seen agrees with the events, which are whole seconds; by the events
 * when they were read late.
 */
export function toDuration({ fromSeconds, toSeconds, seenMs }: Stretch): string {
  const seconds = toSeconds - fromSeconds;
  const seen = seenMs / 1000;
  if (Math.abs(seconds - seen) >= 1.1) return toSpan(seconds, 0);
  return toSpan(seen, 1);
}
