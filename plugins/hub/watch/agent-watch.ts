import type { CleanedAgent } from "../model/cleaner.ts";
import { isResult } from "../model/jobs.ts";
import { findBodyFaults, parseJson, parseSync, type SyncBody } from "../model/registration-body.ts";
import { type AgentRow, assignedJob, type HubState, type Job } from "../model/state.ts";
import { agentStates } from "../model/sync.ts";
import type { Recorder } from "./violations.ts";

/** Looks at what agents ask of the registry, before it is answered. Whatever the hub itself made go wrong excuses them. */
export interface AgentWatch {
  register(body: string): void;
  sync(row: AgentRow, body: string): void;
  /** The answer to a sync went out, at the earliest then, or was lost. */
  synced(
    row: AgentRow,
    answer: { readonly nextSyncAfterMs: number; readonly isDelivered: boolean; readonly at: number },
  ): void;
  fetch(row: AgentRow, jobId: string): void;
  fetched(jobId: string, isDelivered: boolean): void;
  disconnect(row: AgentRow): void;
  cleaned(agent: CleanedAgent): void;
  /** Requests were kept away from the hub. */
  troubled(): void;
}

/** Timers and clocks of agents may be this much ahead. */
const toleranceMs = 25;

export function createAgentWatch(state: HubState, recorder: Recorder): AgentWatch {
  /** What was answered last, where that is certain. */
  const answers = new Map<string, { at: number; nextSyncAfterMs: number }>();
  const delivered = new Set<string>();
  let troubledAt = state.now();

  const checkJob = (row: AgentRow, job: Job | undefined, sent: SyncBody): void => {
    const about = { agent: row.name, jobId: job?.id };
    if (sent.state === "waiting-for-jobs") {
      if (job !== undefined && job.tornDownAt === undefined && row.lastSyncJobId === job.id) {
        recorder.record("job-abandoned", { ...about, detail: `${sent.state} while it has a job` });
      }
      return;
    }
    if (sent.job_id === "") recorder.record("job-id-missing", { ...about, detail: sent.state });
    else if (sent.job_id !== job?.id && !isRepeated(sent)) {
      recorder.record("job-id-wrong", { ...about, detail: `${sent.state} with ${sent.job_id}` });
    }
  };
  /** The answer to the first one was lost; or a sync that was broken off is read after the one that followed it. */
  const isRepeated = (sent: SyncBody): boolean => {
    const tornDownAt = state.jobs.get(sent.job_id)?.tornDownAt;
    if (tornDownAt === undefined) return false;
    return sent.state === "finished-job" || state.now() - tornDownAt < overtakenMs;
  };

  const checkResult = (row: AgentRow, sent: SyncBody): void => {
    if (sent.state !== "finished-job") return;
    const about = { agent: row.name, jobId: sent.job_id };
    if (!isResult(sent.job_result)) {
      recorder.record("result-missing", { ...about, detail: JSON.stringify(sent.job_result) });
      return;
    }
    const job = state.jobs.get(sent.job_id);
    const isOwn = job?.reason === undefined && job?.tornDownAt !== undefined;
    if (isOwn && job.result !== sent.job_result) {
      recorder.record("result-changed", { ...about, detail: `${job.result} became ${sent.job_result}` });
    }
  };

  const checkTime = (row: AgentRow, sent: SyncBody): void => {
    const last = answers.get(row.id);
    answers.delete(row.id);
    if (last === undefined) return;
    const isForced =
      (sent.state === "finished-job" && row.lastSyncState !== "finished-job") ||
      (sent.interrupted_at > 0 && row.interruptedAt === 0);
    const waitedMs = state.now() - last.at;
    if (isForced || waitedMs >= last.nextSyncAfterMs - toleranceMs) return;
    const detail = `${sent.state} after ${Math.round(waitedMs)} ms in place of ${last.nextSyncAfterMs}`;
    recorder.record("sync-early", { agent: row.name, detail });
  };

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
      checkTime(row, sent);
      if (!(agentStates as readonly string[]).includes(sent.state)) {
        recorder.record("sync-state", { agent: row.name, detail: JSON.stringify(sent.state) });
        return;
      }
      checkJob(row, assignedJob(state, row), sent);
      checkResult(row, sent);
    },
    synced(row, { nextSyncAfterMs, isDelivered, at }) {
      if (isDelivered) answers.set(row.id, { at, nextSyncAfterMs });
    },
    fetch(row, jobId) {
      if (!delivered.has(jobId) || assignedJob(state, row)?.id !== jobId) return;
      recorder.record("fetched-again", { agent: row.name, jobId, detail: "the first answer went out whole" });
    },
    fetched(jobId, isDelivered) {
      if (isDelivered) delivered.add(jobId);
    },
    disconnect(row) {
      answers.delete(row.id);
      const job = assignedJob(state, row);
      if (job === undefined || job.tornDownAt !== undefined) return;
      recorder.record("disconnect-with-job", {
        agent: row.name,
        jobId: job.id,
        detail: "finished-job never came",
      });
    },
    cleaned({ row, reason }) {
      answers.delete(row.id);
      const lastAt = row.lastSyncAt ?? row.createdAt;
      if (reason === "held" || lastAt < troubledAt) return;
      const silentMs = state.now() - lastAt;
      recorder.record("sync-late", {
        agent: row.name,
        detail: `${reason}, silent for ${Math.round(silentMs)} ms`,
      });
    },
    troubled() {
      troubledAt = state.now();
    },
  };
}

const overtakenMs = 500;
