import type { JobEvent } from "../../core/contracts/job-events.ts";

/** Parses a line of a job's log. `undefined` when it is not an event: a job can write to its own log. */
export function parseEvent(line: string): JobEvent | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isEvent(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isEvent(value: unknown): value is JobEvent {
  const { event, timestamp, ...fields } = Object(value) as Readonly<Record<string, unknown>>;
  if (!Number.isFinite(timestamp)) return false;
  switch (event) {
    case "job_started":
      return true;
    case "cmd_output":
      return typeof fields["output"] === "string";
    case "cmd_started":
      return typeof fields["directive"] === "string";
    case "cmd_finished":
      return Number.isSafeInteger(fields["exit_code"]) && Number.isFinite(fields["finished_at"]);
    case "job_finished":
      return typeof fields["result"] === "string";
    default:
      return false;
  }
}
