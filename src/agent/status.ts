import type { HookEvents } from "../hooks.ts";
import type { StopReason } from "../plugin.ts";

/** How an agent stands at this moment: what `signalman status` prints, and health and metrics are made of. Times are Unix milliseconds. */
export interface AgentStatus {
  readonly version: string;
  readonly pid: number;
  readonly startedAt: number;
  readonly stateDirectory: string;
  readonly slots: readonly SlotStatus[];
}

export interface SlotStatus {
  readonly slot: number;
  /** `starting`: no control plane has accepted it yet. `failed`: it could not begin, `error` says why. */
  readonly state: "starting" | "waiting" | "running" | "left" | "failed";
  /** It takes no further jobs, for this reason. */
  readonly draining?: StopReason;
  /** Why it has left. */
  readonly reason?: StopReason;
  readonly error?: string;
  /** As the control plane knows it. */
  readonly name?: string;
  readonly controlPlane?: string;
  readonly sync?: SyncStatus;
  readonly job?: JobStatus;
}

/** The calls that keep a slot known to its control plane. */
export interface SyncStatus {
  /** The last one that was answered; left out when none was. */
  readonly succeededAt?: number;
  /** Of the last one, answered or not. */
  readonly durationMs: number;
  /** So many have failed since. */
  readonly failures: number;
  /** Why the last one failed, if it did. */
  readonly error?: string;
}

export interface JobStatus {
  readonly id: string;
  readonly executor: string;
  /** When this process of the agent took it up. */
  readonly startedAt: number;
  /** `flushing`: it is over, and its log is still being delivered. `reporting`: the control plane does not have the result yet. */
  readonly phase: "running" | "flushing" | "reporting";
  readonly log: LogPosition;
}

/** How far a job's log has come. */
export interface LogPosition {
  /** In the spool. */
  readonly producedBytes: number;
  /** Of them, with the log's reader. */
  readonly deliveredBytes: number;
  readonly deliveredEvents: number;
}

/** What is told of one slot. */
export interface SlotBoard {
  set(status: Partial<Omit<SlotStatus, "slot" | "job" | "sync">>): void;
  synced(outcome: SyncOutcome): void;
  /** A job is taken up. What it returns tells how it goes on. */
  job(job: { readonly id: string; readonly executor: string }): JobBoard;
}

/** How one call went that keeps a slot known to its control plane. Without `error` it was answered. */
export type SyncOutcome = Omit<HookEvents["agent:synced"], "slot">;

export interface JobBoard {
  phase(phase: JobStatus["phase"]): void;
  log(read: () => LogPosition): void;
  /** It is nothing to this slot any more. */
  end(): void;
}

export interface StatusBoard {
  slot(index: number): SlotBoard;
  read(): AgentStatus;
}

/** Keeps how an agent stands. Reading costs little; nothing is read from disk before somebody asks. */
export function createStatusBoard(about: { version: string; stateDirectory: string }): StatusBoard {
  const startedAt = Date.now();
  const slots = new Map<number, () => SlotStatus>();
  return {
    slot(index) {
      let status: Omit<SlotStatus, "slot"> = { state: "starting" };
      let job: (() => JobStatus) | undefined;
      const isOver = () => status.state === "left" || status.state === "failed";
      slots.set(index, () => ({
        slot: index,
        ...status,
        ...(job && { job: job(), ...(isOver() ? {} : { state: "running" as const }) }),
      }));
      return {
        set: (change) => void (status = { ...status, ...change }),
        synced({ durationMs, error }) {
          const { succeededAt, failures = 0 } = status.sync ?? {};
          const sync: SyncStatus =
            error === undefined
              ? { succeededAt: Date.now(), durationMs, failures: 0 }
              : {
                  ...(succeededAt !== undefined && { succeededAt }),
                  durationMs,
                  failures: failures + 1,
                  error,
                };
          status = { ...status, sync };
        },
        job({ id, executor }) {
          const at = Date.now();
          let phase: JobStatus["phase"] = "running";
          let position = (): LogPosition => ({ producedBytes: 0, deliveredBytes: 0, deliveredEvents: 0 });
          const mine = (): JobStatus => ({ id, executor, startedAt: at, phase, log: position() });
          job = mine;
          return {
            phase: (now) => void (phase = now),
            log: (read) => void (position = read),
            end() {
              if (job === mine) job = undefined;
            },
          };
        },
      };
    },
    read: () => ({
      ...about,
      pid: process.pid,
      startedAt,
      slots: [...slots.values()].map((read) => read()).toSorted((a, b) => a.slot - b.slot),
    }),
  };
}
