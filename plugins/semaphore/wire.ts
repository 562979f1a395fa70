import type { JobResult, StopReason } from "signalman";

/** The states of a sync (protocol section 2.3). */
export type SyncState = "waiting-for-jobs" | "starting-job" | "running-job" | "stopping-job" | "finished-job";

export interface SyncRequest {
  readonly state: SyncState;
  /** Empty while waiting. */
  readonly jobId: string;
  /** Never empty with `finished-job`. */
  readonly jobResult: JobResult | "";
  /** Unix seconds; 0 without an interrupt. */
  readonly interruptedAt: number;
}

export type SyncAction =
  | { readonly kind: "continue" | "wait-for-jobs" }
  | { readonly kind: "run-job" | "stop-job"; readonly jobId: string }
  | { readonly kind: "shutdown"; readonly reason: StopReason }
  | { readonly kind: "unknown"; readonly word: string };

export interface SyncAnswer {
  readonly action: SyncAction;
  /** Milliseconds to the next sync, up to a minute; 0 when the control plane names no time. */
  readonly nextSyncMs: number;
}

export interface Registered {
  readonly name: string;
  readonly token: string;
}

/** Whether the value can be sent in a header: printable characters without spaces. */
export function isToken(value: unknown): value is string {
  return typeof value === "string" && /^[\u0021-\u007e]+$/.test(value);
}

/** Returns `undefined` for a malformed answer to a sync. */
export function toSyncAnswer(value: unknown): SyncAnswer | undefined {
  const { action: word, job_id, shutdown_reason, next_sync_after } = toRecord(value);
  if (typeof word !== "string" || word === "") return undefined;
  const action = toAction(word, job_id, shutdown_reason);
  const nextSyncMs = typeof next_sync_after === "number" && next_sync_after > 0 ? next_sync_after : 0;
  return action && { action, nextSyncMs: Math.min(nextSyncMs, longestPauseMs) };
}

/** Returns `undefined` for a malformed answer to a registration. */
export function toRegistered(value: unknown): Registered | undefined {
  const { name, token } = toRecord(value);
  return typeof name === "string" && name !== "" && isToken(token) ? { name, token } : undefined;
}

/** Returns the token of an answer to a refresh; `undefined` when it has none. */
export function toLogToken(value: unknown): string | undefined {
  const { token } = toRecord(value);
  return isToken(token) ? token : undefined;
}

/**
 * A control plane names 12 s at most. It removes an agent that is silent for minutes, and a silent agent
 * receives no stop.
 */
const longestPauseMs = 60_000;
const reasons: readonly string[] = [
  "idle",
  "job-finished",
  "requested",
  "interrupted",
] satisfies StopReason[];

function toAction(word: string, jobId: unknown, reason: unknown): SyncAction | undefined {
  switch (word) {
    case "continue":
    case "wait-for-jobs":
      return { kind: word };
    case "run-job":
      // The id becomes a part of paths, here and at the control plane.
      if (typeof jobId !== "string" || !/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(jobId)) return undefined;
      return { kind: word, jobId };
    case "stop-job":
      return { kind: word, jobId: typeof jobId === "string" ? jobId : "" };
    case "shutdown":
      return { kind: word, reason: reasons.includes(String(reason)) ? (reason as StopReason) : "unknown" };
    default:
      return { kind: "unknown", word };
  }
}

function toRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
