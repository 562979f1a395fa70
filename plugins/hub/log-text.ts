import type { JobEvent } from "signalman";
import type { HubLog } from "./contract.ts";
import { readLines } from "./model/log-list.ts";
import type { HubState } from "./model/state.ts";

/** Reads the log of a job as its readers see it. */
export function readLog(state: HubState, id: string): HubLog {
  const log = state.logs.get(id);
  const lines = log === undefined ? [] : readLines(log.shown, 0, log.shown.length);
  const events = lines.flatMap((line) => toEvent(line) ?? []);
  return { lines, events, text: events.map(toRaw).join(""), isTrimmed: log?.isTrimmed ?? false };
}

/** Parses a pushed line. Returns `undefined` for invalid JSON, which agents may push. */
export function toEvent(line: string): JobEvent | undefined {
  try {
    return (JSON.parse(line) as JobEvent | null) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Formats an event for the raw log (protocol section 5.3). */
export function toRaw(event: JobEvent): string {
  if (event.event === "cmd_started") return `${event.directive}\n`;
  return event.event === "cmd_output" ? event.output : "";
}
