import { toSpan } from "../../core/text/amounts.ts";

/** When something happened. */
export interface Moment {
  /** Time stamp of the event, in whole seconds. */
  readonly seconds: number;
  /** When this process read the event, in milliseconds of a monotonic clock. */
  readonly seenAt: number;
}

/**
 * Formats the time between two moments: in tenths of a second while the events are read as they happen, and
 * in the whole seconds of their time stamps when they are read later.
 */
export function toDuration(from: Moment, to: Moment): string {
  const { seconds, digits } = measure(from, to);
  return toSpan(seconds, digits);
}

/** Returns the seconds between two moments, as exactly as they are known. */
export function toSeconds(from: Moment, to: Moment): number {
  return measure(from, to).seconds;
}

function measure(from: Moment, to: Moment): { readonly seconds: number; readonly digits: number } {
  const seconds = to.seconds - from.seconds;
  const seen = (to.seenAt - from.seenAt) / 1000;
  return Math.abs(seconds - seen) >= 1.1 ? { seconds, digits: 0 } : { seconds: seen, digits: 1 };
}
