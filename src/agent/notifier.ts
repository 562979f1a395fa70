import type { LogPosition, SyncOutcome } from "../core/contracts/agent-status.ts";
import type { JobRequest } from "../core/contracts/job-request.ts";
import type { JobSummary } from "../core/contracts/job-summary.ts";
import type { LogDelivery } from "../core/contracts/log-backend.ts";
import type { StopReason } from "../core/contracts/stop-reason.ts";

/** What happens to a slot and its jobs: name → event. */
export interface SlotEvents {
  registered: { readonly name: string; readonly controlPlane: string };
  synced: SyncOutcome;
  draining: { readonly reason: StopReason };
  disconnected: { readonly reason: StopReason };
  /** The process hands over; the slot stays registered. */
  handedOver: { readonly reason: StopReason };
  failed: { readonly error: string };
  /** A job's process is followed: after its start, or after it was resumed. */
  jobFollowed: JobEvent;
  /** A job's process has accepted its request. */
  jobStarted: JobEvent;
  /** The delivery of a job's log has begun; `position` returns its progress. */
  logOpened: JobEvent & { readonly position: () => LogPosition };
  /** A job's result is known; its log is still being delivered. */
  jobFinished: JobEvent;
  logFlushed: JobEvent & { readonly trimmed: boolean; readonly spool: string };
  /** A job's log was delivered, and its result is reported next. */
  jobEnded: JobEvent & { readonly delivery: LogDelivery; readonly damage?: string } & JobSummary;
  /** The control plane has the job's result. */
  jobReleased: JobEvent;
}

interface JobEvent {
  readonly job: JobRequest;
}

/** Receives the events of one slot. */
export type SlotListener = {
  readonly [N in keyof SlotEvents]?: (event: SlotEvents[N]) => void | Promise<void>;
};

/** Passes the events of one slot to its listeners. */
export interface SlotNotifier {
  /** Calls the listeners in their order, without waiting between them. Resolves when all of them have finished. */
  notify<N extends keyof SlotEvents>(name: N, event: SlotEvents[N]): Promise<void>;
}

export function createSlotNotifier(listeners: readonly SlotListener[]): SlotNotifier {
  return {
    async notify(name, event) {
      await Promise.all(listeners.map((listener) => listener[name]?.(event)));
    },
  };
}
