import type { CleanedAgent } from "../model/cleaner.ts";
import { findBodyFaults, parseJson, parseSync, type SyncBody } from "../model/registration-body.ts";
import { type AgentRow, assignedJob, type HubState } from "../model/state.ts";
import { agentStates } from "../model/sync.ts";
import { checkSyncedJob, checkSyncedResult } from "./sync-checks.ts";
import type { Recorder } from "./violations.ts";

/** Checks calls to the agent API before they are answered. Effects of injected faults are not violations. */
export interface AgentWatch {
  register(body: string): void;
  sync(row: AgentRow, body: string): void;
  /** The answer to a sync was sent at `at` or later, or was lost. */
  synced(
    row: AgentRow,
    answer: { readonly nextSyncAfterMs: number; readonly isDelivered: boolean; readonly at: number },
  ): void;
  fetch(row: AgentRow, jobId: string): void;
  fetched(jobId: string, isDelivered: boolean): void;
  disconnect(row: AgentRow): void;
  /** The cleaner removed an agent. */
  cleaned(agent: CleanedAgent): void;
  /** An injected fault kept a request from being processed. */
  faultInjected(): void;
}

export function createAgentWatch(state: HubState, recorder: Recorder): AgentWatch {
  const timing = createSyncTiming(state, recorder);
  const deliveredJobs = new Set<string>();
  let faultAt = state.now();
  return {
    register(body) {
      const parsed = parseJson(body);
      const { name = "" } = (parsed ?? {}) as { readonly name?: unknown };
      for (const detail of findBodyFaults("register", parsed)) {
        recorder.record("register-body", { agent: String(name), detail });
      }
    },
    sync(row, body) {
      const parsed = parseJson(body);
      for (const detail of findBodyFaults("sync", parsed)) {
        recorder.record("sync-body", { agent: row.name, detail });
      }
      const sent = parseSync(parsed);
      if (sent === undefined) return;
      timing.check(row, sent);
      if (!(agentStates as readonly string[]).includes(sent.state)) {
        recorder.record("sync-state", { agent: row.name, detail: JSON.stringify(sent.state) });
        return;
      }
      checkSyncedJob(state, recorder, row, sent);
      checkSyncedResult(state, recorder, row, sent);
    },
    synced(row, { nextSyncAfterMs, isDelivered, at }) {
      if (isDelivered) timing.expect(row, { nextSyncAfterMs, at });
    },
    fetch(row, jobId) {
      if (!deliveredJobs.has(jobId) || assignedJob(state, row)?.id !== jobId) return;
      recorder.record("fetched-again", { agent: row.name, jobId, detail: "the first answer was delivered" });
    },
    fetched(jobId, isDelivered) {
      if (isDelivered) deliveredJobs.add(jobId);
    },
    disconnect(row) {
      timing.forget(row);
      const job = assignedJob(state, row);
      if (job === undefined || job.tornDownAt !== undefined) return;
      recorder.record("disconnect-with-job", {
        agent: row.name,
        jobId: job.id,
        detail: "finished-job was not sent",
      });
    },
    cleaned({ row, reason }) {
      timing.forget(row);
      const lastAt = row.lastSyncAt ?? row.createdAt;
      if (reason === "held" || lastAt < faultAt) return;
      const silentMs = Math.round(state.now() - lastAt);
      recorder.record("sync-late", { agent: row.name, detail: `${reason}, silent for ${silentMs} ms` });
    },
    faultInjected() {
      faultAt = state.now();
    },
  };
}

/** Checks that agents wait for `next_sync_after`. */
interface SyncTiming {
  /** The next sync is due after this delivered answer. */
  expect(row: AgentRow, answer: DeliveredAnswer): void;
  check(row: AgentRow, sent: SyncBody): void;
  forget(row: AgentRow): void;
}

interface DeliveredAnswer {
  readonly at: number;
  readonly nextSyncAfterMs: number;
}

/** Agents' timers and clocks may be this much ahead. */
const toleranceMs = 25;

function createSyncTiming(state: HubState, recorder: Recorder): SyncTiming {
  const answers = new Map<string, DeliveredAnswer>();
  return {
    expect: (row, answer) => void answers.set(row.id, answer),
    check(row, sent) {
      const last = answers.get(row.id);
      answers.delete(row.id);
      if (last === undefined) return;
      const isForced =
        (sent.state === "finished-job" && row.lastSyncState !== "finished-job") ||
        (sent.interrupted_at > 0 && row.interruptedAt === 0);
      const waitedMs = state.now() - last.at;
      if (isForced || waitedMs >= last.nextSyncAfterMs - toleranceMs) return;
      const detail = `${sent.state} after ${Math.round(waitedMs)} ms instead of ${last.nextSyncAfterMs} ms`;
      recorder.record("sync-early", { agent: row.name, detail });
    },
    forget: (row) => void answers.delete(row.id),
  };
}
