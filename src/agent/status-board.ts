import type {
  SyncStatus,
  SyncOutcome,
  SlotStatus,
  LogPosition,
  JobStatus,
  AgentStatus,
} from "../core/contracts/agent-status.ts";

/** What is told of one slot. */
export interface SlotBoard {
  set(status: Partial<Omit<SlotStatus, "slot" | "job" | "sync">>): void;
  synced(outcome: SyncOutcome): void;
  /** A job is taken up. What it returns tells how it goes on. */
  job(job: { readonly id: string; readonly executor: string }): JobBoard;
}

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
