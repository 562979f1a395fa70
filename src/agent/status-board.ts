import type {
  AgentStatus,
  HangingHook,
  JobStatus,
  LogPosition,
  PluginStatus,
  SlotStatus,
  SyncOutcome,
  SyncStatus,
} from "../core/contracts/agent-status.ts";
import type { SlotListener } from "./slot-notifier.ts";

/** The current status of an agent, kept from the events of its slots. */
export interface StatusBoard {
  /** Adds a slot, and returns the listener that keeps its status. */
  slot(index: number): SlotListener;
  /** Positions of logs are read from disk at this call only. */
  read(): AgentStatus;
}

export interface StatusBoardOptions {
  readonly version: string;
  readonly stateDirectory: string;
  /** Lists the listeners that have not returned in time. */
  readonly hangingHooks?: () => readonly HangingHook[];
  /** Lists what plugins report about themselves. */
  readonly plugins?: () => readonly PluginStatus[];
  /** Masks secrets in the reasons and errors of slots, which are worded by others. Left out: they stay as they are. */
  hide?(text: string): string;
}

export function createStatusBoard({
  version,
  stateDirectory,
  hangingHooks,
  plugins,
  hide,
}: StatusBoardOptions): StatusBoard {
  const startedAt = Date.now();
  const slots = new Map<number, () => Shown>();
  return {
    slot(index) {
      const { listener, read } = createSlotBoard();
      slots.set(index, read);
      return listener;
    },
    read() {
      const hanging = hangingHooks?.() ?? [];
      const reported = plugins?.() ?? [];
      return {
        version,
        stateDirectory,
        pid: process.pid,
        startedAt,
        slots: [...slots]
          .map(([slot, read]) => ({ slot, ...(hide ? withHidden(read(), hide) : read()) }))
          .toSorted((a, b) => a.slot - b.slot),
        ...(hanging.length > 0 && { hangingHooks: hanging }),
        ...(reported.length > 0 && { plugins: reported }),
      };
    },
  };
}

type Shown = Omit<SlotStatus, "slot">;

/** Applies `hide` to the texts that sources and plugins have worded. */
function withHidden(status: Shown, hide: (text: string) => string): Shown {
  const { error, sync, paused, admissionFaults } = status;
  return {
    ...status,
    ...(error !== undefined && { error: hide(error) }),
    ...(sync?.error !== undefined && { sync: { ...sync, error: hide(sync.error) } }),
    ...(paused && { paused: { ...paused, reason: hide(paused.reason) } }),
    ...(admissionFaults && { admissionFaults: admissionFaults.map(hide) }),
  };
}

function createSlotBoard(): { listener: SlotListener; read: () => Shown } {
  let status: Omit<SlotStatus, "slot" | "job"> = { state: "starting" };
  let job: JobBoard | undefined;
  const set = (change: Partial<typeof status>) => void (status = { ...status, ...change });
  /** The slot takes no part any more. */
  const close = (change: Partial<typeof status>) => {
    const { paused: _, admissionFaults: __, ...rest } = status;
    status = { ...rest, ...change };
  };
  // Events of an earlier job may still arrive when the next one has started.
  const setJob = (id: string, change: Partial<JobBoard>) => {
    if (job?.id === id) job = { ...job, ...change };
  };
  return {
    listener: {
      "agent:registered": ({ name, controlPlane }) => set({ state: "waiting", name, controlPlane }),
      "agent:synced": (outcome) => set({ sync: toSyncStatus(status.sync, outcome) }),
      "agent:draining": ({ reason }) => set({ draining: reason }),
      "agent:paused": ({ slot: _, ...paused }) => set({ paused }),
      pauseChanged: (paused) => set({ paused }),
      disconnected() {
        const { sync: _, ...rest } = status;
        status = { ...rest, state: "starting" };
      },
      "agent:resumed"() {
        const { paused: _, ...rest } = status;
        status = rest;
      },
      admissionFaults({ faults }) {
        const { admissionFaults: _, ...rest } = status;
        status = { ...rest, ...(faults.length > 0 && { admissionFaults: faults }) };
      },
      "agent:left": ({ reason }) => close({ state: "left", reason }),
      handedOver: ({ reason }) => close({ state: "left", reason }),
      failed: ({ error }) => close({ state: "failed", error }),
      jobFollowed({ job: { id, executor } }) {
        job = { id, executor, startedAt: Date.now(), phase: "running", position: atBeginning };
      },
      logOpened: (event) => setJob(event.job.id, { position: event.position }),
      jobFinished: (event) => setJob(event.job.id, { phase: "flushing" }),
      "agent:job-ended": (event) => setJob(event.job.id, { phase: "reporting" }),
      jobReleased(event) {
        if (job?.id === event.job.id) job = undefined;
      },
    },
    read() {
      const isOver = status.state === "left" || status.state === "failed";
      if (!job) return status.paused && !isOver ? { ...status, state: "paused" } : status;
      const { position, ...rest } = job;
      return {
        ...status,
        job: { ...rest, log: position() },
        ...(isOver ? {} : { state: "running" as const }),
      };
    },
  };
}

interface JobBoard extends Omit<JobStatus, "log"> {
  readonly position: () => LogPosition;
}

const atBeginning = (): LogPosition => ({ producedBytes: 0, deliveredBytes: 0, deliveredEvents: 0 });

function toSyncStatus(last: SyncStatus | undefined, { durationMs, error }: SyncOutcome): SyncStatus {
  if (error === undefined) return { succeededAt: Date.now(), durationMs, failures: 0 };
  const { succeededAt, failures = 0 } = last ?? {};
  return { ...(succeededAt !== undefined && { succeededAt }), durationMs, failures: failures + 1, error };
}
