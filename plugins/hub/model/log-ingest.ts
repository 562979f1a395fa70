import type { Answer } from "./answer.ts";
import { toBatch } from "./log-list.ts";
import { type HubState, logOf } from "./state.ts";

/** A request with log events. */
export interface Push {
  readonly jobId: string;
  /** Whether the request has a token, and whether it is valid. */
  readonly token: "missing" | "bad" | "valid";
  readonly startFrom: string | null;
  readonly body: Uint8Array;
}

/** Maximum number of events in one request. */
export const batchLimit = 2000;

/** Appends events to a log after the checks of protocol section 4, in their order. */
export function ingest(state: HubState, { jobId, token, startFrom, body }: Push): Answer {
  const { settings } = state;
  if (token !== "valid") return { status: 401, text: `${token} token` };
  if (startFrom === null || startFrom === "") return { status: 400, text: "missing start_from" };
  const from = parseStartFrom(startFrom);
  if (from === undefined) return { status: 400, text: "bad start_from" };
  const batch = toBatch(body);
  if (batch.count > batchLimit) return { status: 413, text: "Too many log events" };
  if (batch.count === 0) return { status: 200, text: "" };

  const log = logOf(state, jobId);
  if (from > 0 && settings.logLimitBytes > 0 && memoryOf(log.live) > settings.logLimitBytes) {
    if (!log.isTrimmed) log.writeTrimmed(toTrimmed(state.now()));
    return { status: 422, text: "No more space" };
  }
  log.write(from, batch);
  return { status: 200, text: "" };
}

/** Parses `start_from`. Returns `undefined` unless it is a number of events. */
export function parseStartFrom(text: string | null): number | undefined {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Memory that Redis needs for each entry in addition to its text. */
const overheadBytes = 8;

function memoryOf({ bytes, length }: { readonly bytes: number; readonly length: number }): number {
  return bytes + length * overheadBytes;
}

function toTrimmed(now: number): { lines: Uint8Array; count: number } {
  const output = "Content of the log is bigger than 16MB. Log is trimmed.";
  const event = { event: "cmd_output", timestamp: Math.floor(now / 1000), output };
  return { lines: Buffer.from(`${JSON.stringify(event)}\n`), count: 1 };
}
