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
  if (Math.abs(seconds - seen) >= 1.1) return formatSeconds(seconds, 0);
  return formatSeconds(seen, 1);
}

function formatSeconds(seconds: number, digits: number): string {
  if (seconds < 59.95) return `${seconds.toFixed(digits)} s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
